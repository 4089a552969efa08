"""A system that writes down what it does, so that nobody need believe the IOC.

O_APPEND: each line is whole and in its place, whenever the process is killed.
"""

import os
import time

from sswd import System, every

LOOK_S = 0.002


class Journal(System):
    """`CMD` is a number, and for how many ms to work on it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._was_busy = False

    def setup(self) -> None:
        self._file = os.open(self._path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
        self.note("setup")

    def close(self) -> None:
        self.note("close")

    def note(self, *words: object) -> None:
        """One line: our pid and the words."""
        line = " ".join(map(str, (os.getpid(), *words)))
        os.write(self._file, f"{line}\n".encode())

    def on_CMD(self, text: str) -> None:
        number, _, work_ms = text.partition(" ")
        self.note("start", number)
        time.sleep(float(work_ms or 0) / 1000)
        self.io_put("values", [float(number)])
        if number.startswith("-"):
            self.note("raise", number)
            raise ValueError(f"told to fail at {number}")
        self._was_busy = True
        self.note("end", number)

    @every(LOOK_S)
    def idle(self) -> None:
        """Between commands: proves that the end of the last one was reported."""
        if self._was_busy:
            self._was_busy = False
            self.note("idle")
