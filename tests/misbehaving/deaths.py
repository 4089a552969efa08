"""Systems that die, each in its own way, when they are told to."""

import ctypes
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from sswd import System

LARGE = 6_553_600
"""Doubles in 50 MiB."""


class Mortal(System):
    """`CMD` is a word and what it needs: "exit 3", "sleep 60". With `journal`, every
    command is written there when it begins: what really ran, and how often."""

    def __init__(self, journal: str = "") -> None:
        self._journal = Path(journal) if journal else None

    def on_CMD(self, text: str) -> None:
        self.write(text)
        self.io_put("message", f"in {text}")
        word, _, rest = text.partition(" ")
        getattr(self, f"do_{word}")(rest)

    def write(self, text: str) -> None:
        if self._journal is not None:
            with self._journal.open("a") as file:
                file.write(f"{text}\n")

    def do_echo(self, rest: str) -> None:
        self.io_put("message", rest)

    def do_values(self, rest: str) -> None:
        self.io_put("values", [float(word) for word in rest.split()])

    def do_sleep(self, rest: str) -> None:
        time.sleep(float(rest))

    def do_segfault(self, _rest: str) -> None:
        read_nowhere()

    def do_exit(self, rest: str) -> None:
        sys.exit(int(rest))

    def do_leave(self, rest: str) -> None:
        os._exit(int(rest))

    def do_raise(self, rest: str) -> None:
        raise ValueError(f"told to fail\n{rest}")


def read_nowhere() -> None:
    """A segmentation fault in C, with the name of this function in the stack."""
    ctypes.string_at(1)


class Photographer(Mortal):
    """Posts 50 MiB; IMAGE is declared here, so that it goes through the pipe: slots
    in shared memory are made for PVs that are known before the worker."""

    pvs = {"IMAGE": {"type": "float", "length": LARGE}}  # noqa: RUF012

    def do_image(self, rest: str) -> None:
        self.io_put("IMAGE", np.full(LARGE, float(rest)))

    def do_image_to_nobody(self, rest: str) -> None:
        """Post when the IOC is stopped: the pipe takes a part of it, no more. The
        journal says when it is full and the write does not return."""
        ioc = psutil.Process(os.getppid())
        while ioc.status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        threading.Thread(
            target=self._watch_write, args=(threading.get_ident(),)
        ).start()
        self.do_image(rest)

    def _watch_write(self, poster: int) -> None:
        looks = 0
        while looks < 20:
            time.sleep(0.01)
            frame = sys._current_frames()[poster]
            looks = looks + 1 if frame.f_code.co_name == "flush" else 0
        self.write("the pipe is full")
