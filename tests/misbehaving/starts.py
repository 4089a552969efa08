"""Systems that do not come up, or do not stay up."""

import os
import threading
import time
from pathlib import Path

from sswd import System


class Fickle(System):
    """Fails in its constructor or its `setup` until the file `cure` exists."""

    def __init__(self, where: str, cure: str) -> None:
        self._where = where
        self._cure = Path(cure)
        self._do("construction")

    def setup(self) -> None:
        self._do("setup")

    def _do(self, what: str) -> None:
        if self._where == what and not self._cure.exists():
            raise ConnectionError(f"no instrument in {what}\nis it switched on?")

    def on_CMD(self, text: str) -> None:
        self.io_put("message", text)


class Mayfly(System):
    """Dies 0.2 s after its start, until the file `cure` exists."""

    def __init__(self, cure: str) -> None:
        if not Path(cure).exists():
            threading.Timer(0.2, os._exit, (7,)).start()

    def on_CMD(self, text: str) -> None:
        self.io_put("message", text)


class Endless(System):
    """Has an hour of `setup`, which nothing interrupts, until `cure` exists."""

    def __init__(self, cure: str) -> None:
        self._cure = Path(cure)

    def setup(self) -> None:
        while not self._cure.exists():
            time.sleep(0.05)

    def on_CMD(self, text: str) -> None:
        self.io_put("message", text)
