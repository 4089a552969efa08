"""Limits of a worker: memory that recycles it, CPU and memory as PVs; its stacks."""

import signal
import time
from collections.abc import Callable, Iterator

import pytest
from client import Client, ca_is_up
from daemon import until
from served import served

from sswd.testing import Daemon

CONFIG = """
prefix = "@"
[system.grows]
target = "limits:Hungry"
prefix = "grows:"
memory_max_mb = 250.0
[system.large]
target = "limits:Hungry"
prefix = "large:"
args.start_mib = 300
memory_max_mb = 250.0
[system.slow]
target = "stalls:Slow"
prefix = "slow:"
restart.stall_s = 60.0
"""
SYSTEMS = ("grows:", "large:", "slow:")


@pytest.fixture(scope="module")
def daemon(session_client: Client) -> Iterator[Daemon]:
    with served(CONFIG, session_client, SYSTEMS) as daemon:
        yield daemon


def test_a_worker_that_has_grown_is_recycled_when_idle(
    daemon: Daemon, client: Client
) -> None:
    prefix = daemon.prefix + "grows:"
    client.wait_for(prefix + "WORKER:UPTIME", lambda up: up.value > 5, timeout_s=15)
    run = client.get(prefix + "WORKER:RUN")
    memory = client.monitor(prefix + "WORKER:MEM")
    state = client.monitor(prefix + "WORKER:STATE")
    fates = client.monitor(prefix + "CMD_STATE")
    put = client.start_put(prefix + "CMD", "eat 300")
    memory.wait_for(lambda seen: seen.value > 300)
    assert state.last.value == "RUNNING"  # not during a command
    assert put.result(10) is True
    done_s = time.monotonic()
    state.wait_for("RUNNING", since_s=done_s)

    assert state.values == ["RUNNING", "STOPPING", "STARTING", "RUNNING"]
    assert "ABORTED" not in fates.values
    assert client.get(prefix + "WORKER:RUN") == run + 1
    assert "exited with code 0" in client.get(prefix + "WORKER:LAST_EXIT")
    assert "MB, above memory_max_mb = 250; restarting it while it is idle" in daemon.log
    assert "closed in order" in daemon.log
    memory.wait_for(lambda seen: 10 < seen.value < 250, since_s=done_s)
    assert client.put(prefix + "CMD", "hello")


def test_a_worker_that_never_fits_is_left_alone(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "large:"
    client.wait_for(prefix + "WORKER:UPTIME", lambda up: up.value > 7, timeout_s=15)
    assert client.get(prefix + "WORKER:RUN") == 1
    assert client.get(prefix + "WORKER:MEM") > 300
    assert daemon.log.count("so a restart would not help") == 1


def test_cpu_is_told(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "slow:"
    cpu = client.monitor(prefix + "WORKER:CPU")
    put = client.start_put(prefix + "CMD", "compute 2.5")
    cpu.wait_for(lambda seen: 10 < seen.value < 150)
    assert put.result(10) is True
    cpu.wait_for(lambda seen: seen.value < 10)


@pytest.mark.timing
@pytest.mark.parametrize(
    ("doing", "message"), [("sleep 3", "in sleep 3"), ("crunch 4", "crunches")]
)
def test_sigusr1_tells_all_stacks(
    daemon: Daemon, client: Client, doing: str, message: str
) -> None:
    """At once, even of a worker that keeps its GIL and minds no signal."""
    prefix = daemon.prefix + "slow:"
    put = client.start_put(prefix + "CMD", doing)
    client.wait_for(prefix + "message", message)
    before = len(daemon.log)
    word = doing.partition(" ")[0]
    daemon.process.send_signal(signal.SIGUSR1)
    until(lambda: f"in do_{word}" in daemon.log[before:], "its stack", 2.0)
    assert not put.done()
    ca_is_up(daemon, client, "slow:")
    assert put.result(20) is True
    until(lambda: "in _run" in daemon.log[before:], "the stacks of its other threads")
    log = daemon.log[before:]
    assert "in serve" in log or "in run_forever" in log  # the IOC's own
    assert log.count("(most recent call first)") > 3


@pytest.mark.timing
def test_sigusr1_hurts_nobody(daemon: Daemon, client: Client) -> None:
    """Neither threads that run meanwhile, nor a worker that just begins: a process
    that does not mind the signal yet would die of it."""
    prefix = daemon.prefix + "slow:"
    state = client.monitor(prefix + "WORKER:STATE")
    run = client.get(prefix + "WORKER:RUN")
    put = client.start_put(prefix + "CMD", "threads 2")
    with client.watching(prefix + "CMD", 0.001) as watch:

        def signalled(condition: Callable[[], bool]) -> bool:
            daemon.process.send_signal(signal.SIGUSR1)
            return condition()

        until(lambda: signalled(put.done), "the end of its command", pause_s=0.005)
        assert put.result(0) is True
        assert client.put(prefix + "WORKER:RESTART", 1)
        until(
            lambda: signalled(lambda: state.values.count("RUNNING") == 2),
            "the next run",
            pause_s=0.005,
        )
    watch.assert_up()
    assert state.values == ["RUNNING", "STOPPING", "STARTING", "RUNNING"]
    assert client.get(prefix + "WORKER:RUN") == run + 1
