"""The end of a worker that nobody kills: what Python runs at its end, with a deadline.

Threads that are no daemons are joined, atexit functions run, files are flushed and the
destructors of C libraries run, because the process ends by SystemExit and not by
os._exit. None of that may keep a worker that takes no commands any more: threads have
THREADS_S, processes of multiprocessing CHILDREN_S, all together LEAVE_S. Then
faulthandler tells where it hangs and ends the process with exit code 1; a kernel timer
stands behind it. A driver's hook may cancel both, so the IOC was told before, by
Leaving, and kills whoever is there 6 s later.

Threading model: main thread.
"""

import atexit
import contextlib
import faulthandler
import gc
import io
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from sswd.pipe.protocol import STACKS, STACKS_AT_ONCE
from sswd.worker.forks import end_child, is_child
from sswd.worker.log import log
from sswd.worker.stdio import take_streams

THREADS_S = 1.0
"""Threads of the driver that are no daemons have so long to end."""
CHILDREN_S = 0.5
"""And so long have its processes of multiprocessing that are no daemons."""
LEAVE_S = 3.0
"""The whole end may take so long."""
_BELT_S = 0.5
_FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


class _Overdue(BaseException):
    """Ends the wait for threads."""


def flush_at_exit() -> None:
    """Have open files flushed after all that drivers do at exit. Before their import.

    Python itself loses rows of a file that is part of a reference cycle, or that a
    daemon thread holds; and a system and its queues are a cycle.
    """
    atexit.register(_flush_files)


def _flush_files() -> None:
    if is_child():  # a hook has forked; the parent's rows would be there twice
        end_child()
    for each in gc.get_objects():
        if issubclass(type(each), _FILES):  # by type: a proxy might load something
            with contextlib.suppress(Exception):  # closed, or its disk is full
                each.flush()


def leave(code: int, stacks: int) -> NoReturn:
    """End the process as Python does. `stacks` is where faulthandler writes."""
    until_s = time.monotonic() + LEAVE_S + _BELT_S
    faulthandler.dump_traceback_later(LEAVE_S, exit=True, file=stacks)
    _join_threads()
    _end_children(min(time.monotonic() + CHILDREN_S, until_s))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, until_s - time.monotonic())
    for name in ("stdout", "stderr"):
        # A driver's own stream may raise anything, and Python flushes it once more.
        with contextlib.suppress(BaseException):
            getattr(sys, name).flush()
    take_streams(stacks)
    # Python gives signals back at its end, and their default would kill us.
    faulthandler.unregister(STACKS_AT_ONCE)
    for number in (STACKS, STACKS_AT_ONCE):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(code)


def _join_threads() -> None:
    """Let Python wait for the threads, which includes those of thread pools."""
    signal.signal(signal.SIGALRM, _raise_overdue)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, THREADS_S)
    with contextlib.suppress(_Overdue):
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    signal.setitimer(signal.ITIMER_REAL, 0)
    left = [t.name for t in threading.enumerate() if not _may_stay(t)]
    if left:
        # Python would begin to wait once more, without a limit.
        threading._shutdown = _no_wait  # type: ignore[attr-defined]  # noqa: SLF001
        log.warning(
            "the worker ends although threads of the driver still run: %s; make them "
            "daemons, or end them in close()",
            ", ".join(left),
        )


def _end_children(until_s: float) -> None:
    """Join them as multiprocessing does in its atexit function, but not for ever.

    It would keep the driver's own atexit functions, and the rows of its files, beyond
    LEAVE_S. Whoever is left is killed, as the end of the run would do it.
    """
    for library in ("multiprocessing", "multiprocess"):
        module = sys.modules.get(f"{library}.process")
        if module is None:
            continue
        children = [each for each in module.active_children() if not each.daemon]
        for child in children:
            child.join(max(0.0, until_s - time.monotonic()))
        left = [child for child in children if child.is_alive()]
        for child in left:
            child.kill()
        if left:
            log.warning(
                "the worker ends although processes of the driver still run: %s; make "
                "them daemons, or end them in close()",
                ", ".join(child.name for child in left),
            )


def _may_stay(thread: threading.Thread) -> bool:
    return thread.daemon or thread is threading.main_thread()


def _raise_overdue(_number: int, _frame: FrameType | None) -> None:
    raise _Overdue


def _no_wait() -> None:
    """In place of threading's own."""
