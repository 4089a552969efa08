"""Systems that take their time: asleep, busy, or with all threads held up."""

import ctypes
import time

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

    def do_sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def do_compute(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            pass

    def do_gil(self, seconds: float) -> None:
        hold_the_gil(seconds)


def hold_the_gil(seconds: float) -> None:
    """No other thread of this process runs meanwhile, ours included."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        HELD.usleep(int(seconds * 1e6))  # signals end it early
