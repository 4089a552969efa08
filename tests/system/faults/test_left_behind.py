"""Row 54: what a driver started far away, or never unlinked, is gone with its run."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from client import Client
from daemon import until
from served import served
from systems import one_system

from sswd.testing import Daemon

pytestmark = pytest.mark.row(54)

CONFIG = one_system("leaves:Leaves", restart="delay_s = 0.05")
ENDS = ("worker SIGKILL", "STOP", "TERM", "IOC SIGKILL")
GONE_S = 3.0


def started(daemon: Daemon, client: Client, what: str) -> str:
    assert client.put(daemon.prefix + "CMD", what)
    return str(client.get(daemon.prefix + "message"))


def end(daemon: Daemon, client: Client, how: str) -> None:
    if how == "worker SIGKILL":
        os.kill(client.get(daemon.prefix + "WORKER:PID"), signal.SIGKILL)
    elif how == "STOP":
        assert client.put(daemon.prefix + "WORKER:STOP", 1)
    else:
        daemon.stop(signal.SIGTERM if how == "TERM" else signal.SIGKILL)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("how", ENDS)
def test_programs_that_moved_away(client: Client, how: str) -> None:
    with served(CONFIG, client) as daemon:
        pids = [
            int(started(daemon, client, what)) for what in ("session", "daemon", "fork")
        ]
        assert all(map(lives, pids))
        end(daemon, client, how)
        until(lambda: not any(map(lives, pids)), f"{pids} to end", GONE_S)


@pytest.mark.parametrize("how", ENDS)
def test_shared_memory(client: Client, how: str) -> None:
    with served(CONFIG, client) as daemon:
        memory = Path("/dev/shm") / started(daemon, client, "memory")
        assert memory.exists()
        end(daemon, client, how)
        until(lambda: not memory.exists(), f"{memory} to be gone", GONE_S)


@pytest.fixture
def detached() -> Iterator[list[int]]:
    pids: list[int] = []
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_what_was_started_detached_stays(client: Client, detached: list[int]) -> None:
    """And is an orphan afterwards, as the driver wanted it."""
    with served(CONFIG, client, systems=()) as daemon:
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
        detached.append(int(started(daemon, client, "detached")))
        started(daemon, client, "session")
        end(daemon, client, "worker SIGKILL")
        client.wait_for(daemon.prefix + "WORKER:RUN", 2)
        assert lives(detached[0])
        daemon.stop()
        assert lives(detached[0])
        detached_environ = Path(f"/proc/{detached[0]}/environ").read_bytes()
        assert b"SSWD_RUN=" not in detached_environ
        os.kill(detached.pop(), signal.SIGKILL)
