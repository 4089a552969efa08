"""Systems that die, each in its own way, when told to."""

import ctypes
import os
import signal
import sys
import time
from typing import Any

import numpy as np

from sswd import System

LARGE = 6_553_600
"""Doubles in 50 MiB."""


class Mortal(System):
    """`CMD` says how to die: kill, segfault, exit, _exit N, raise, or sleep S."""

    def on_CMD(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        self.io_put("message", f"does {text}")
        getattr(self, f"do_{word}")(rest)

    def do_echo(self, rest: str) -> None:
        self.io_put("message", rest)

    def do_sleep(self, rest: str) -> None:
        time.sleep(float(rest))

    def do_values(self, rest: str) -> None:
        self.io_put("values", [float(x) for x in rest.split()])

    def do_kill(self, _rest: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    def do_segfault(self, _rest: str) -> None:
        read_nowhere()

    def do_exit(self, _rest: str) -> None:
        sys.exit(0)

    def do__exit(self, rest: str) -> None:
        os._exit(int(rest))

    def do_raise(self, rest: str) -> None:
        raise ValueError(rest)


def read_nowhere() -> Any:
    """A segmentation fault in C, with this function's name in the stack."""
    return ctypes.string_at(1)


class HalfSent(Mortal):
    """Dies while a 50 MiB array is on its way through the pipe."""

    def do_image(self, rest: str) -> None:
        self.io_put("IMAGE", np.full(LARGE, float(rest)))
