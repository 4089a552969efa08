"""A daemon of which nothing may be left: promise G7, asked after every test.

While it lives: no zombies, and no more descriptors and threads than after its start.
After its end: no process that it or its workers started, however far they moved away.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from client import Client, ca_port
from daemon import until
from systems import MISBEHAVING

from sswd.testing import Daemon, running_daemon

START_S = 20.0
STEADY_S = 3.0
"""How long the last circuits may take to close."""


def holdings(pid: int) -> list[str]:
    """What a process holds, one word each: kinds of descriptors, threads, zombies."""
    process = psutil.Process(pid)
    zombies = [child for child in process.children() if _is_zombie(child)]
    found = ["thread"] * process.num_threads() + ["zombie"] * len(zombies)
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(entry).partition(":[")[0])
    return sorted(found)


def _is_zombie(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):  # it is reaped while we look
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return False


def offspring(daemon: Daemon) -> list[psutil.Process]:
    """Every living process of the daemon, known by a variable that all inherit."""
    mark = f"STATE_DIRECTORY={daemon.folder}/state".encode()
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            environ = Path(f"/proc/{process.pid}/environ").read_bytes()
            if mark in environ.split(b"\0"):
                found.append(process)
    return found


def assert_nothing_left(daemon: Daemon, timeout_s: float = 2.0) -> None:
    """No process of an ended daemon lives; they have `timeout_s` to die."""
    until(lambda: not offspring(daemon), "its processes to be gone", timeout_s)


@contextlib.contextmanager
def served(
    config: str, client: Client, systems: Sequence[str] = ("",), **options: Any
) -> Iterator[Daemon]:
    """`running_daemon` at the client's port, with the questions of G7 at the end.

    `systems` are the prefixes of those that are to be RUNNING before the block. With
    none, the daemon is not asked whether it holds as much as before: nothing was.
    """
    options.setdefault("folder", MISBEHAVING)
    with running_daemon(
        config=config, port=ca_port(), ready=False, **options
    ) as daemon:
        for system in systems:
            daemon.wait_for(f"{system}WORKER:STATE", "RUNNING", timeout_s=START_S)
        with steady(daemon, client) if systems else contextlib.nullcontext():
            yield daemon
    assert_nothing_left(daemon)


@contextlib.contextmanager
def steady(daemon: Daemon, client: Client) -> Iterator[None]:
    """The daemon holds no more after the block than before, if it lives at all."""
    client.forget()
    before = holdings(daemon.pid)
    yield
    client.forget()
    if daemon.process.poll() is None:
        _assert_steady(daemon, before)


def _assert_steady(daemon: Daemon, before: list[str]) -> None:
    now: list[str] = []

    def is_steady() -> bool:
        now[:] = holdings(daemon.pid)
        return not Counter(now) - Counter(before)

    with contextlib.suppress(AssertionError):
        until(is_steady, "what was there before", STEADY_S)
    more = Counter(now) - Counter(before)
    assert not more, f"{more} more than at the start: {now}"
