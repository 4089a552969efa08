"""What tests of a whole daemon need besides `sswd.testing`."""

import contextlib
import time
from collections.abc import Callable

import psutil


def until(
    condition: Callable[[], bool],
    what: str,
    timeout_s: float = 10.0,
    pause_s: float = 0.02,
) -> None:
    """Wait for a condition, asked every `pause_s`; fails with `what` was waited for."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what}"
        time.sleep(pause_s)


def family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants, to be looked for after its end."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def assert_gone(processes: list[psutil.Process]) -> None:
    """None of them is left, not even as a zombie that somebody of ours should reap."""
    _, left = psutil.wait_procs(processes, timeout=2.0)
    assert not [process for process in left if not _waits_for_init(process)]


def _waits_for_init(process: psutil.Process) -> bool:
    """Whether it has ended, as an orphan: reaping it is init's work, which may be
    slow about it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE and process.ppid() == 1
    return True
