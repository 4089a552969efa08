"""Drivers that fork, in the ways that people's code does."""

import ctypes
import logging
import multiprocessing
import os
import sys
import time

from sswd import System, every
from sswd.errors import NotTheWorkerError

log = logging.getLogger("forking")


def in_pool(number: int) -> int:
    """What a Pool's worker does: its work, and a word about it."""
    log.warning("pool has %d", number)
    return number * number


class Forking(System):
    """`CMD` names what the child does; the parent waits for it, then posts."""

    def on_C_FORK(self, _):
        """As a C library forks: without Python's hooks, with the GIL kept."""
        child = ctypes.PyDLL(None).fork()
        if child == 0:
            try:
                self.io_put("message", "posted by the child")
            except NotTheWorkerError:
                os._exit(5)
            os._exit(6)
        _, status = os.waitpid(child, 0)
        self.io_put("message", f"c child {os.waitstatus_to_exitcode(status)}")

    def on_CMD(self, what: str) -> None:
        pid = os.fork()
        if pid == 0:
            self.child(what)
            return
        _, status = os.waitpid(pid, 0)
        self.io_put("message", f"{what} {os.waitstatus_to_exitcode(status)}")

    def child(self, what: str) -> None:
        """In the child; returning is what a forgotten os._exit does."""
        if what == "raise":
            raise RuntimeError("the child failed")
        if what == "exit":
            sys.exit(7)
        if what == "post":
            self.io_put("message", "from the child")
        if what == "post and go on":
            for _ in range(3):
                try:
                    self.io_put("message", "from the child")
                except Exception as ex:
                    refused = ex
            raise SystemExit(5) from refused
        if what == "log":
            log.warning("a word of the child")
        if what == "sleep":
            self.sleep(0.01)

    def on_LEAVE(self, value: float) -> None:
        """The worker dies at once; its child lives on for `value` s."""
        if os.fork() == 0:
            time.sleep(value)
        else:
            os._exit(3)

    def on_POOL(self, size: int) -> None:
        """A Pool of forks that log, while the worker posts without a pause."""
        context = multiprocessing.get_context("fork")
        with context.Pool(int(size)) as pool:
            result = pool.map_async(in_pool, range(40))
            while not result.ready():
                self.io_put("values", [time.monotonic()] * 100)
            squares = result.get(10)
        self.io_put("message", f"sum {sum(squares)}")


class ForksBetween(System):
    """Forks in an `@every` method; the child returns."""

    forked = 0

    @every(0.02)
    def fork(self) -> None:
        if not self.forked:
            self.forked = os.fork()
            if self.forked:
                os.waitpid(self.forked, 0)
                self.io_put("message", "forked")

    def io_execute(self, pv_name: str, value: object) -> None:
        self.io_put("ACK", f"{os.getpid()}")


class ForksInSetup(ForksBetween):
    """The same in setup."""

    def setup(self) -> None:
        self.fork()


class ForksInClose(ForksBetween):
    """The same in close; what the stop interrupts is no failure of the child."""

    def close(self) -> None:
        pid = os.fork()
        if pid:
            status = os.waitpid(pid, 0)[1]
            self.io_put("message", f"child {os.waitstatus_to_exitcode(status)}")
