"""Processes that the IOC did not start, but has to reap.

What a driver's programs leave behind, their own children, would go to process 1. The
daemon takes them instead (as a "child subreaper"; as process 1 of a container it has
them anyway), and waits for them when they have ended: zombies would pile up.

Threading model: the loop's own.
"""

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PERIOD_S = 0.5


def adopt() -> None:
    """Become the parent of all descendants that lose theirs."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class AdoptedReaper:
    """Reaps children that nobody here waits for.

    Who waits: for a worker its Run, for the guard the Guardian; and a user's group may
    have started programs, which stay in the IOC's process group. The others are reaped
    when they were found dead twice, PERIOD_S apart: whoever started one has had time.
    """

    def __init__(self, awaited: Callable[[], set[int]]) -> None:
        """`awaited` are the processes that somebody waits for."""
        self._awaited = awaited
        self._seen: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look every PERIOD_S, on the running loop."""
        loop = asyncio.get_running_loop()
        self.look()
        self._timer = loop.call_later(PERIOD_S, self.start)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Reap who was found dead the last time, too."""
        dead = set(self._dead()) if _any_dead() is not None else set()
        for pid in dead & self._seen:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = dead - self._seen

    def _dead(self) -> Iterator[int]:
        awaited, group = self._awaited(), os.getpgrp()
        for pid in _children():
            with contextlib.suppress(OSError):  # it is gone, or not ours
                if pid not in awaited and _has_ended(pid) and os.getpgid(pid) != group:
                    yield pid


def _any_dead() -> int | None:
    """Some child that has ended and was not waited for. One call, mostly all."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def _has_ended(pid: int) -> bool:
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, options) is not None


def _children() -> set[int]:
    """Our children. Without /proc only one that has ended."""
    try:
        tasks = list(Path("/proc/self/task").iterdir())
        texts = [(task / "children").read_text() for task in tasks]
    except OSError:  # no /proc, or a thread has just ended
        pid = _any_dead()
        return set() if pid is None else {pid}
    return {int(pid) for text in texts for pid in text.split()}
