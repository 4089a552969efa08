"""The stacks of a process on a signal, at no risk to it.

A handler of faulthandler walks frames that may move meanwhile: of other threads, or of
its own where the signal comes between two instructions. Sooner or later the process
dies of it. Here all threads are told as soon as Python code may run: with the GIL, so
that none of them moves. What never lets Python code run can be asked by faulthandler.

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
    number: int, fd: int, *, then: Callable[[], None] | None = None
) -> None:
    """Have signal `number` write the stacks of all threads to `fd`, and call `then`.

    What `fd` does not take is dropped.
    """

    def tell_all(_number: int, _frame: FrameType | None) -> None:
        _write(fd, own_stacks())
        if then is not None:
            then()

    signal.signal(number, tell_all)


def tell_stack_at_once(number: int, fd: int) -> None:
    """Have signal `number` write, from C, the stack of the interrupted thread to `fd`.

    For a thread that has been in C code for long: its frames do not move. The write may
    block.
    """
    faulthandler.register(number, file=fd, all_threads=False)


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
