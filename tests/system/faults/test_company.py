"""Row 33: what a driver started goes with its worker, however that goes."""

import os
import signal

import psutil
import pytest
from client import Client, Seen
from daemon import until
from served import served
from systems import one_system

from sswd.testing import Daemon

pytestmark = pytest.mark.row(33)

CONFIG = one_system("floods:Flood", restart="delay_s = 0.05")
CHILDREN = 5
"""Three of its own, one of them with a child, and one of multiprocessing."""


def company(daemon: Daemon, client: Client) -> list[psutil.Process]:
    """The worker and all that it has started by now."""
    assert client.put(daemon.prefix + "CMD", "company")
    worker = psutil.Process(client.get(daemon.prefix + "WORKER:PID"))
    children = worker.children(recursive=True)
    assert len(children) == CHILDREN, children
    return [worker, *children]


def wait_for_end(processes: list[psutil.Process]) -> None:
    """All have ended; an orderly stop of a worker has 6.5 s. Whose parent ended before
    may be a zombie: it is for init to reap them, and a container's init may never."""

    def have_ended() -> bool:
        return not any(map(lives, processes))

    until(have_ended, f"{processes} to end", 8.0)


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.timing
def test_it_goes_when_the_worker_is_killed(client: Client) -> None:
    """The children hold the worker's pipes open; its death is seen all the same."""
    with served(CONFIG, client) as daemon:
        processes = company(daemon, client)
        state = client.monitor(daemon.prefix + "WORKER:STATE")
        os.kill(processes[0].pid, signal.SIGKILL)
        seen = state.wait_for("BACKOFF")
        wait_for_end(processes)
        running = state.wait_for(lambda now: is_running_after(now, seen))
        assert running.at_s - seen.at_s < 5.0
        assert client.put(daemon.prefix + "CMD", "posts 1")


def is_running_after(now: Seen, then: Seen) -> bool:
    return now.at_s > then.at_s and now.value == "RUNNING"


@pytest.mark.timing
@pytest.mark.parametrize("pv", ["WORKER:STOP", "WORKER:RESTART"])
def test_it_goes_when_the_worker_is_stopped(client: Client, pv: str) -> None:
    """Threads that are no daemons do not keep the worker either; they have one of the
    three seconds that its orderly end may take."""
    with served(CONFIG, client) as daemon:
        processes = company(daemon, client)
        assert client.put(daemon.prefix + pv, 1)
        wait_for_end(processes)
        wanted = "STOPPED" if pv == "WORKER:STOP" else "RUNNING"
        client.wait_for(daemon.prefix + "WORKER:STATE", wanted)
        assert "exited with code 0" in client.get(daemon.prefix + "WORKER:LAST_EXIT")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_goes_when_the_daemon_goes(client: Client, number: signal.Signals) -> None:
    with served(CONFIG, client) as daemon:
        processes = company(daemon, client)
        daemon.stop(number)
        wait_for_end(processes)
