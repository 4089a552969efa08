"""Rows 10 to 13: busy, silent and dead are three things, and never confused."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from client import INVALID, TIMEOUT, Client, ca_is_up
from served import served

from sswd.testing import Daemon

LIMIT_S = 1.5
CONFIG = """
prefix = "@"
[system.main]
target = "stalls:Slow"
prefix = "main:"
restart.stall_s = 1.5
[system.limited]
target = "stalls:Slow"
prefix = "limited:"
restart.stall_s = 1.5
command = { timeout_s = 2.5, abort_s = [0.5, 2.0, 2.0] }
[system.cured]
target = "stalls:Slow"
prefix = "cured:"
restart = { stall_s = 0.5, on_stall = "restart" }
"""
SYSTEMS = ("main:", "limited:", "cured:")
STOPS_S = 6.5
"""When a worker that does not close is killed."""


@pytest.fixture(scope="module")
def daemon(session_client: Client) -> Iterator[Daemon]:
    with served(CONFIG, session_client, SYSTEMS) as daemon:
        yield daemon


@pytest.mark.timing
@pytest.mark.row(10)
def test_an_hour_of_sleep_ends_at_its_deadline(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "limited:"
    pid = client.get(prefix + "WORKER:PID")
    stalled = client.monitor(prefix + "WORKER:STALLED")
    state = client.monitor(prefix + "CMD_STATE")
    error = client.monitor(prefix + "CMD_ERROR")
    put = client.start_put(prefix + "CMD", "sleep 3600")
    began = state.wait_for("RUNNING")
    asked = error.wait_for(lambda seen: seen.value.startswith("timeout: not ended"))
    assert asked.at_s - began.at_s > 2.4
    assert state.last.value == "RUNNING"  # the put waits until it has really ended
    ca_is_up(daemon, client, "limited:")

    assert put.result(10.0) is False
    assert client.get(prefix + "CMD_STATE") == "TIMEOUT"
    assert "now by exception" in client.get(prefix + "CMD_ERROR")
    assert client.get(prefix + "CMD_TIME") > 2.9  # the flag was of no use to it
    assert stalled.values == ["No"]  # it was busy, for longer than stall_s
    assert client.get(prefix + "WORKER:PID") == pid
    assert client.put(prefix + "CMD", "sleep 0")


@pytest.mark.timing
@pytest.mark.row(10)
def test_busy_is_not_stalled(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "main:"
    stalled = client.monitor(prefix + "WORKER:STALLED")
    beats = client.monitor(prefix + "WORKER:HEARTBEAT")
    with client.watching(prefix + "CMD") as watch:
        assert client.put(prefix + "CMD", f"compute {LIMIT_S * 1.5}")
    assert stalled.values == ["No"]
    assert len(beats.seen) >= 2
    watch.assert_up()


@pytest.mark.timing
@pytest.mark.row(11)
def test_a_held_gil_is_told_at_its_limit(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "main:"
    pid = client.get(prefix + "WORKER:PID")
    stalled = client.monitor(prefix + "WORKER:STALLED")
    values = client.monitor(prefix + "values")
    message = client.monitor(prefix + "message")
    put = client.start_put(prefix + "CMD", "gil 4")
    begun = message.wait_for("in gil 4")
    silent = stalled.wait_for("Yes")
    ca_is_up(daemon, client, "main:")
    assert values.last.status == TIMEOUT
    assert values.last.severity == INVALID
    assert client.get(prefix + "BUSY") == "Busy"
    assert client.get(prefix + "WORKER:STATE") == "RUNNING"

    assert put.result(10.0) is True  # nobody killed it, and what it did is valid
    heard = stalled.wait_for("No", since_s=silent.at_s)
    after_s = silent.at_s - begun.at_s
    print(f"\nGIL held: STALLED after {after_s:.2f} s, limit {LIMIT_S} s")
    assert LIMIT_S - 0.05 < after_s < LIMIT_S + 1.5
    assert heard.at_s - begun.at_s > 3.9
    values.wait_for(lambda seen: seen.severity == 0, since_s=silent.at_s)
    assert list(values.last.value) == [1, 2]
    assert client.get(prefix + "WORKER:PID") == pid
    assert "its GIL is held, or it is stopped" in daemon.log
    assert "the worker answers again" in daemon.log


@pytest.mark.timing
@pytest.mark.row(13)
def test_a_pause_shorter_than_the_limit_is_nothing(
    daemon: Daemon, client: Client
) -> None:
    prefix = daemon.prefix + "main:"
    monitors = [
        client.monitor(prefix + pv)
        for pv in ("WORKER:STALLED", "WORKER:STATE", "WORKER:RUN", "values")
    ]
    put = client.start_put(prefix + "CMD", "sleep 1.2")
    client.wait_for(prefix + "message", "in sleep 1.2")
    before = len(daemon.log)
    pid = client.get(prefix + "WORKER:PID")
    os.kill(pid, signal.SIGSTOP)
    try:
        with client.watching(prefix + "CMD") as watch:
            time.sleep(LIMIT_S * 0.9)  # the fault itself: it has a duration
    finally:
        os.kill(pid, signal.SIGCONT)
    assert put.result(10.0) is True
    watch.assert_up()
    assert [len(monitor.seen) for monitor in monitors] == [1, 1, 1, 1]
    told = daemon.log[before:].splitlines()
    assert [line for line in told if ": done in " not in line] == []


@pytest.mark.row(11, 12)
def test_on_stall_restart(daemon: Daemon, client: Client) -> None:
    """What is done about a stall when that is wanted; its stack is told before."""
    prefix = daemon.prefix + "cured:"
    run = client.get(prefix + "WORKER:RUN")
    put = client.start_put(prefix + "CMD", "gil 60")
    client.wait_for(prefix + "WORKER:STALLED", "Yes")
    client.wait_for(prefix + "WORKER:STATE", "STOPPING")
    assert put.result(STOPS_S + 5) is False
    assert client.get(prefix + "CMD_STATE") == "ABORTED"
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    assert client.get(prefix + "WORKER:RUN") == run + 1
    assert client.get(prefix + "WORKER:STALLED") == "No"
    assert "in hold_the_gil" in daemon.log
    assert client.put(prefix + "CMD", "sleep 0")


@pytest.mark.timing
@pytest.mark.row(12)
def test_a_stopped_worker_can_be_stopped_and_restarted(
    daemon: Daemon, client: Client
) -> None:
    stop, restart = (daemon.prefix + system for system in ("main:", "limited:"))
    for prefix in (stop, restart):
        os.kill(client.get(prefix + "WORKER:PID"), signal.SIGSTOP)
    for prefix in (stop, restart):
        client.wait_for(prefix + "WORKER:STALLED", "Yes")
    pid = client.get(restart + "WORKER:PID")
    ca_is_up(daemon, client, "main:")

    asked_s = time.monotonic()
    assert client.put(stop + "WORKER:STOP", 1)
    assert client.put(restart + "WORKER:RESTART", 1)
    stopped = client.wait_for(stop + "WORKER:STATE", "STOPPED")
    assert STOPS_S - 0.1 < stopped.at_s - asked_s < STOPS_S + 1.5
    client.wait_for(restart + "WORKER:STATE", "RUNNING")
    assert client.get(restart + "WORKER:PID") != pid
    for prefix in (stop, restart):
        assert client.get(prefix + "WORKER:STALLED") == "No"
        told = client.get(prefix + "WORKER:LAST_EXIT")
        assert "was killed by SIGKILL (it had been asked to stop and did not)" in told
    assert client.put(stop + "WORKER:START", 1)
    client.wait_for(stop + "WORKER:STATE", "RUNNING")
    assert client.alarm(stop + "values") == (0, 0)
