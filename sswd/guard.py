"""Ends what runs of workers leave behind; also when the IOC is gone, however it went.

Every process of a run inherits a mark in its environment, `SSWD_RUN=daemon:run:system`,
however far it moves away (a session of its own, a double fork). At the end of a run
whoever carries its mark is killed. Resource trackers of multiprocessing first get a
moment to end by themselves: they remove shared memory that nobody unlinked.

As a process of its own (`python -I -S guard.py`) it reads lines "+GROUP MARK" and
"-GROUP MARK" from stdin, the read end of a pipe that only the IOC holds. "-" means that
the run is over; at the end of the pipe all are. Signals do not end it: its only purpose
is to live until the end. Standard library only.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection, Iterator

VARIABLE = "SSWD_RUN"
TRACKERS_S = 0.5
"""How long resource trackers may take once all others are gone."""
LIMIT_S = 1.0
"""What is still there then cannot be killed."""
_PAUSE_S = 0.02
_TRACKER = b"resource_tracker"


def end_left(
    marks: Collection[str], group: int = 0, trackers_s: float = TRACKERS_S
) -> None:
    """Kill all that carry one of the marks or are in the group; return when none is.

    A mark may be a daemon's, which means all of its runs. Blocks for up to LIMIT_S.
    Without /proc only the group can be found.
    """
    begun_s = time.monotonic()
    while _kill_once(marks, group, time.monotonic() - begun_s >= trackers_s):
        if time.monotonic() - begun_s >= LIMIT_S:
            return
        time.sleep(_PAUSE_S)


def kill_but_trackers(marks: Collection[str], group: int) -> None:
    """The same at once, for all but resource trackers, and only those found now."""
    _kill_once(marks, group, trackers_too=False)


def _kill_once(marks: Collection[str], group: int, trackers_too: bool) -> bool:
    """Look through all processes once; whether any was found."""
    try:
        found = list(_carriers({os.fsencode(mark) for mark in marks}, group))
    except OSError:  # no /proc
        _kill_group(group)
        return False
    trackers = {pid for pid in found if _is_tracker(pid)}
    if not trackers:
        _kill_group(group)  # in one step: nobody forks in between
    for pid in found:
        if trackers_too or pid not in trackers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    return bool(found)


def _carriers(marks: set[bytes], group: int) -> Iterator[int]:
    with os.scandir("/proc") as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdigit()]
    for pid in pids:
        with contextlib.suppress(OSError):  # it has just ended, or is not ours
            if pid != os.getpid() and _belongs(pid, marks, group):
                yield pid


def _belongs(pid: int, marks: set[bytes], group: int) -> bool:
    mark = _mark_of(pid)
    if mark:
        return mark in marks or mark.partition(b":")[0] in marks
    return group > 0 and os.getpgid(pid) == group and not _is_zombie(pid)


def _mark_of(pid: int) -> bytes:
    """What the process was started with; empty for a zombie, or without a mark."""
    start = os.fsencode(VARIABLE) + b"="
    environ = b""
    # Some kernels say so of a zombie; and a program may have given up being debugged
    # (PR_SET_DUMPABLE, set-user-id): it may be in the group still.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        environ = _read(pid, "environ")
    if not environ and len(threads := _threads(pid)) > 1:  # its main thread has ended
        with contextlib.suppress(PermissionError):
            environ = _read(pid, f"task/{threads[-1]}/environ")
    for variable in environ.split(b"\0"):
        if variable.startswith(start):
            return variable[len(start) :]
    return b""


def _is_tracker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return _TRACKER in _read(pid, "cmdline")
    return False


def _is_zombie(pid: int) -> bool:
    state = _read(pid, "stat").rpartition(b")")[2].split()[0]
    return state in (b"Z", b"X") and len(_threads(pid)) < 2


def _threads(pid: int) -> list[str]:
    return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 (names are all that is asked)


def _read(pid: int, name: str) -> bytes:
    fd = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def _kill_group(group: int) -> None:
    if group > 0:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def main() -> None:
    """Do as stdin says until the IOC is gone, then end the runs that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    daemons: set[str] = set()
    for line in sys.stdin:
        group, _, mark = line[1:].strip().partition(" ")
        if mark:
            daemons.add(mark.partition(":")[0])
        if line[0] == "+":
            groups.add(int(group))
            continue
        groups.discard(int(group))
        if mark:
            end_left({mark})  # the number of its group may be another's by now
    for one in groups or {0}:
        kill_but_trackers(daemons, one)
    end_left(daemons)
    for one in groups:
        _kill_group(one)


if __name__ == "__main__":
    main()
