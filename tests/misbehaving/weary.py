"""A system that is ended again and again, in every way."""

import ctypes
import os
import signal
import time

import numpy as np

from sswd import System

IMAGE_BYTES = 2_000_000


class Weary(System):
    """`CMD` says what to do: work, segfault, exit, ignore, flood."""

    def on_CMD(self, text: str) -> None:
        word, _, number = text.partition(" ")
        getattr(self, f"do_{word}")(int(number or 0))

    def do_work(self, number: int) -> None:
        """All that a command may do, once."""
        self.io_put("IMAGE", np.full(IMAGE_BYTES, number % 256, np.uint8))
        self.io_put({"values": np.full(1000, float(number)), "message": f"at {number}"})
        print("worked", number)
        self.log.info("worked %d", number)

    def do_segfault(self, _number: int) -> None:
        ctypes.string_at(1)

    def do_exit(self, _number: int) -> None:
        os._exit(3)

    def do_ignore(self, _number: int) -> None:
        """Needs a SIGKILL."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            try:
                time.sleep(3600)
            except BaseException:
                self.io_put("message", "swallowed")

    def do_flood(self, number: int) -> None:
        """Is in the middle of a message at any time."""
        while True:
            self.io_put("IMAGE", np.full(IMAGE_BYTES, number % 256, np.uint8))
