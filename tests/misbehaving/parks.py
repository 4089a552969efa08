"""A system that cannot be trusted to leave its hardware safe, and park routines."""

import os
import time
from pathlib import Path

from sswd import System


def write(journal: str, words: str) -> None:
    with Path(journal).open("a") as file:
        file.write(f"{words}\n")


class Moving(System):
    """Writes what it does into `journal`."""

    def __init__(self, journal: str) -> None:
        self._journal = journal

    def setup(self) -> None:
        write(self._journal, "setup")

    def on_CMD(self, text: str) -> None:
        self.io_put("message", f"in {text}")
        if text == "die":
            os.abort()
        time.sleep(float(text))

    def close(self) -> None:
        write(self._journal, "close")


def park(journal: str) -> None:
    """Takes its time, as hardware does."""
    write(journal, "park begins")
    time.sleep(0.4)
    write(journal, "park ends")


def hang(journal: str) -> None:
    """Is killed when its time is over."""
    write(journal, "park begins")
    time.sleep(3600)


def fail(journal: str) -> None:
    """The hardware does not answer."""
    write(journal, "park begins")
    raise ConnectionError("no answer from the stage")
