"""A fork in a driver: the child is not the worker, and must not speak for it.

Children of a fork have a copy of everything, the pipes to the IOC as well. One that
came back into the main loop would report the end of the parent's command and run the
next one; one that only logs would tear the parent's messages. So a child loses the
pipes, its log records go to stderr with its pid, its posts raise, and where it leaves
user code it ends.

Threading model: a fork copies one thread; in a child there is no other.
"""

import contextlib
import mmap
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from sswd.errors import NotTheWorkerError
from sswd.worker.exception_text import trace_of

_LINE_BYTES = 4096
"""A pipe takes so many bytes in one piece, whoever else writes (PIPE_BUF)."""
_MADV_WIPEONFORK = 18  # madvise(2); Python has no name for it


class _Family:
    """Which process is the worker; None until `watch_forks`, and in the IOC."""

    worker: int | None = None
    mark: bytearray | mmap.mmap = bytearray(b"\1")
    """Begins with 0 in a forked child."""
    has_told = False


def watch_forks(pipes: Sequence[int]) -> None:
    """This process is the worker. Its forked children lose these descriptors."""
    _Family.worker = os.getpid()
    _Family.mark = _fork_mark()
    os.register_at_fork(after_in_child=lambda: _lose(pipes))


def is_child() -> bool:
    """Whether this is a forked child of the worker. Asked in each post and command, so
    it is no system call."""
    return not _Family.mark[0]


def _fork_mark() -> mmap.mmap:
    """A page that the kernel empties in a child, which C code may have forked."""
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # not this kernel: `_lose` empties it
        page.madvise(_MADV_WIPEONFORK)
    page[0] = 1
    return page


def refuse_in_child(what: str) -> None:
    """Raise NotTheWorkerError in a child; the first one is told on stderr as well."""
    if _Family.mark[0]:
        return
    error = NotTheWorkerError(
        f"{what} refused in process {os.getpid()}, a fork of worker {_Family.worker}: "
        "only the worker itself posts; hand the value to it, by a pipe or a queue"
    )
    if not _Family.has_told:
        _Family.has_told = True
        write_line(str(error))
    raise error


def end_child(error: BaseException | None = None) -> NoReturn:
    """End this child, which has left user code: by what it raised, if it did."""
    code = 0
    if isinstance(error, SystemExit):
        code = exit_code_of(error)
    elif error is not None:
        code = 1
        write_line(f"a fork of the worker failed and ends\n{trace_of(error)}")
    for name in ("stdout", "stderr"):
        with contextlib.suppress(BaseException):  # a driver's own stream, or none
            getattr(sys, name).flush()
    os._exit(code)


def exit_code_of(ex: SystemExit) -> int:
    """As Python does it: None is 0, words are printed and 1. Never raises."""
    with contextlib.suppress(BaseException):  # their own `code`, __str__ or stream
        code = ex.code
        if code is None or isinstance(code, int):
            return int(code or 0)
        sys.stderr.write(f"{code}\n")
    return 1


def write_line(text: str) -> None:
    """Write to stderr past Python's buffers, whose locks a fork may have copied."""
    for line in f"pid {os.getpid()}: {text}".rstrip().splitlines():
        data = line.encode("utf-8", "backslashreplace")[: _LINE_BYTES - 1]
        with contextlib.suppress(OSError):
            os.write(2, data + b"\n")


def _lose(pipes: Sequence[int]) -> None:
    """In a child: its copies lead nowhere. The numbers stay taken."""
    _Family.mark[0] = 0
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in pipes:
            os.dup2(nowhere, fd, inheritable=False)
        os.close(nowhere)
        return
    for fd in pipes:
        with contextlib.suppress(OSError):
            os.close(fd)


def end_if_child() -> None:
    """A forked child that came so far ends: its words would be taken for ours."""
    if is_child():
        end_child()
