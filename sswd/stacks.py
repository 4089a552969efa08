"""The stacks of a process on a signal, at no risk to it.

faulthandler's own handler, when it is told all threads, walks the frames of threads
that run meanwhile, and sooner or later dies of it. Here it tells the interrupted thread
only, at once and whatever that does (the main thread in C code that holds the GIL).
All threads are told as soon as Python code may run: with the GIL, so that none of them
moves.

Threading model: main thread. Nothing here blocks or takes a lock: a signal comes when
it comes.
"""

import contextlib
import faulthandler
import os
import select
import signal
from collections.abc import Callable
from types import FrameType

PART = select.PIPE_BUF
"""A pipe that poll calls writable takes so many bytes without blocking."""


def tell_stacks(
    number: int,
    fd: int,
    *,
    at_once: bool = False,
    then: Callable[[], None] | None = None,
) -> None:
    """Have signal `number` write the stacks of all threads to `fd`, and call `then`.

    `at_once`: and before, from C, the stack of the interrupted thread. That write may
    block. What `fd` does not take otherwise is dropped.
    """

    def tell_all(_number: int, _frame: FrameType | None) -> None:
        _write(fd, own_stacks())
        if then is not None:
            then()

    signal.signal(number, tell_all)
    if at_once:
        faulthandler.register(number, file=fd, all_threads=False, chain=True)


def own_stacks() -> bytes:
    """The stacks of all threads of this process, as they are now."""
    with contextlib.suppress(OSError):  # no descriptor left: no stacks
        memory = os.memfd_create("stacks")
        try:
            faulthandler.dump_traceback(file=memory, all_threads=True)
            return os.pread(memory, os.fstat(memory).st_size, 0)
        finally:
            os.close(memory)
    return b""


def _write(fd: int, text: bytes) -> None:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    with contextlib.suppress(OSError):  # nobody reads it
        while text and poll.poll(0):
            text = text[os.write(fd, text[:PART]) :]
