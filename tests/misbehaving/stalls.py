"""Systems that take their time: asleep, busy, or with all threads held up."""

import contextlib
import ctypes
import subprocess
import threading
import time
from pathlib import Path

from sswd import System

HELD = ctypes.PyDLL(None)
"""Functions of the C library that keep the GIL, as a careless extension does."""


class Slow(System):
    """`CMD` is a word and seconds: "gil 3"."""

    def setup(self) -> None:
        self.io_put("values", [1.0, 2.0])

    def on_CMD(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        self.io_put("message", f"in {text}")
        getattr(self, f"do_{word}")(float(rest))
        self.io_put("message", f"after {text}")

    def on_LEVEL(self, level: float) -> None:
        """A setpoint."""

    def on_MODE(self, mode: str) -> None:
        """A setpoint."""

    def do_sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def do_lost(self, seconds: float) -> None:
        """It has divided zero by zero to say how far it is."""
        self.progress(float("nan"))
        time.sleep(seconds)

    def do_compute(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            pass

    def do_crunch(self, seconds: float) -> None:
        """One call into C that keeps the GIL and minds no signal."""
        begun_s = time.perf_counter()
        sum(range(1_000_000))
        number = int(1_000_000 * seconds / (time.perf_counter() - begun_s))
        self.io_put("message", "crunches")
        sum(range(number))

    def do_threads(self, seconds: float) -> None:
        """Two threads that are never at rest."""
        threads = [
            threading.Thread(target=self.do_compute, args=(seconds,)) for _ in "ab"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def do_gil(self, seconds: float) -> None:
        hold_the_gil(seconds)


def hold_the_gil(seconds: float) -> None:
    """No other thread of this process runs meanwhile, ours included."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        HELD.usleep(int(seconds * 1e6))  # signals end it early


class Careful(Slow):
    """Writes into `journal` when it is closed; `close_s`: what that takes."""

    def __init__(self, journal: str, setup_s: float = 0.0, close_s: float = 0.0):
        self._journal = Path(journal)
        self._setup_s = setup_s
        self._close_s = close_s

    def setup(self) -> None:
        super().setup()
        self.write("setup")
        time.sleep(self._setup_s)

    def do_ignore(self, seconds: float) -> None:
        """Swallow whatever is to end it."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            with contextlib.suppress(BaseException):
                time.sleep(1.0)

    def do_child(self, seconds: float) -> None:
        """Start a process of its own, as drivers of cameras do."""
        subprocess.Popen(["sleep", str(seconds)])

    def close(self) -> None:
        self.write("close")
        time.sleep(self._close_s)
        self.write("closed")

    def write(self, word: str) -> None:
        with self._journal.open("a") as file:
            file.write(f"{word}\n")
