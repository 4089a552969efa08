"""Systems that end in their own ways, and exceptions that resist being told."""

import asyncio
import atexit
import concurrent.futures
import ctypes
import faulthandler
import importlib
import io
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from sswd import System, every
from sswd.pipe.protocol import STACKS, STACKS_AT_ONCE


class Exit(BaseException):
    """Derived from what no `except Exception` holds."""


class Unspeakable(Exception):
    """Its words cannot be had."""

    def __str__(self) -> str:
        raise Exit("no words")


class BadStream(io.StringIO):
    """A stream of a driver's own, whose end fails."""

    def flush(self) -> None:
        raise Exit("cannot flush")


class OwnExit(SystemExit):
    """A driver's own, of which one cannot ask the code."""

    @property
    def code(self) -> int:
        raise Exit("no code")


def fork() -> None:
    """A hook whose child forgets to end."""
    if os.fork():
        os.wait()


def hang() -> None:
    time.sleep(3600)


class Endings(System):
    """`CMD` names what is prepared or done; `path` is where rows are written."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def io_execute(self, pv_name: str, value: object) -> None:
        getattr(self, f"do_{value}")()

    def close(self) -> None:
        if getattr(self, "close_raises", False):
            raise Exit("cannot close")

    def do_nothing(self) -> None:
        pass

    def do_rows(self) -> None:
        """A file that nobody closes, as most scripts do."""
        self.file = (self.path / "rows").open("w")
        self.file.write("1, 2, 3\n")

    def do_thread(self) -> None:
        """A thread that ends soon and must not be cut."""

        def work() -> None:
            time.sleep(0.3)
            (self.path / "thread").write_text("done")

        threading.Thread(target=work).start()

    def do_child(self) -> None:
        """A process that is no daemon, which nobody joins."""
        self.do_rows()
        self.do_atexit()  # before: it is called after multiprocessing's own
        fork = importlib.import_module("multiprocessing").get_context("fork")
        fork.Process(target=time.sleep, args=(3600,), name="endless").start()

    def do_executor(self) -> None:
        """Its idle threads end only when Python tells them to."""
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.pool.submit(time.sleep, 0).result()

    def do_atexit(self) -> None:
        atexit.register((self.path / "atexit").write_text, "done")

    def do_c_atexit(self) -> None:
        """C's own end: exit() flushes its files and calls destructors, _exit() not."""
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        libc.fopen.argtypes = [ctypes.c_char_p] * 2
        opened = libc.fopen(str(self.path / "stdio").encode(), b"w")
        libc.fputs.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
        libc.fputs(b"in C's buffer\n", opened)

    def do_hang_at_exit(self) -> None:
        atexit.register(hang)

    def do_exit_and_hang(self) -> None:
        atexit.register(hang)
        sys.exit(4)

    def do_cancel_and_hang(self) -> None:
        """An SDK with a use of its own for faulthandler's timer."""
        atexit.register(hang)
        atexit.register(faulthandler.cancel_dump_traceback_later)

    def do_cancel_all_and_hang(self) -> None:
        """No timer of ours is left."""
        atexit.register(hang)
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
        atexit.register(faulthandler.cancel_dump_traceback_later)

    def do_masked_thread(self) -> None:
        """Signals that wake nobody, as some SDKs leave the thread that calls them."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        threading.Thread(target=hang).start()

    def do_ask_late(self) -> None:
        """The IOC wants to know the stacks of a worker that is about to be gone."""
        libc = ctypes.CDLL(None)
        kill = ctypes.cast(libc.kill, ctypes.c_void_p)
        # At the end of the process C calls kill(exit status, STACKS): 0 is our group.
        for number in (STACKS, STACKS_AT_ONCE):
            libc.on_exit(kill, ctypes.c_void_p(int(number)))

    def do_own_exit_and_hang(self) -> None:
        atexit.register(hang)
        raise OwnExit

    def do_end_thread(self) -> None:
        """What a C library may do; the process lives on, without its main thread."""
        ctypes.CDLL(None).pthread_exit(None)

    def do_no_streams(self) -> None:
        del sys.stdout, sys.stderr

    def do_fork_at_exit(self) -> None:
        """Rows that were written before are in the child's copy as well."""
        self.do_rows()
        atexit.register(fork)

    def do_bad_stdout(self) -> None:
        sys.stdout = BadStream()

    def do_unspeakable(self) -> None:
        raise Unspeakable

    def do_syntax(self) -> None:
        raise SyntaxError("odd", ("file", 1, 1, 42))  # its text is no string

    def do_log_unspeakable(self) -> None:
        logging.getLogger("odd").warning("%s", Unspeakable())

    def do_cancelled(self) -> None:
        raise asyncio.CancelledError

    def do_close_raises(self) -> None:
        self.close_raises = True


class BadPeriodic(Endings):
    """Its `@every` method raises what is no Exception."""

    count = 0

    @every(0.02)
    def read(self) -> None:
        self.count += 1
        self.io_put("values", [float(self.count)])
        raise (Exit("in read"), Unspeakable(), asyncio.CancelledError())[self.count % 3]


class BadSetup(Endings):
    """Its setup raises what cannot be formatted."""

    def setup(self) -> None:
        atexit.register((self.path / "atexit").write_text, "done")
        raise (Exit if self.path.name == "base" else SyntaxError)(
            "odd", ("file", 1, 1, 42)
        )
