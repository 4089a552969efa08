"""Row 20: ABORT ends a command by the mildest means that works, and tells each."""

import os
import re
import signal
from collections.abc import Iterator

import pytest
from client import Client, Monitor, ca_is_up, ca_port
from systems import MISBEHAVING, one_system

from sswd.testing import Daemon, running_daemon

pytestmark = pytest.mark.row(20)

CONFIG = one_system(
    "aborts:Stubborn",
    command="abort_s = [0.3, 0.4, 0.4]",
    restart="delay_s = 0.05\nmax_delay_s = 0.05\nstall_s = 1.0",
)
RUNGS = ["flag", "exception", "SIGTERM", "SIGKILL"]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """One for all: a worker that had to be killed is back in a moment."""
    with running_daemon(config=CONFIG, folder=MISBEHAVING, port=ca_port()) as daemon:
        yield daemon


def abort_while(daemon: Daemon, client: Client, text: str) -> "Outcome":
    """Put `text`, abort it while it runs, and return what there was to see."""
    client.wait_for(daemon.prefix + "WORKER:STATE", "RUNNING")
    run = client.get(daemon.prefix + "WORKER:RUN")
    before = len(daemon.log)
    errors = client.monitor(daemon.prefix + "CMD_ERROR")
    put = client.start_put(daemon.prefix + "CMD", text)
    client.wait_for(daemon.prefix + "message", f"in {text}")
    assert client.put(daemon.prefix + "ABORT", 1)
    ca_is_up(daemon, client)
    assert put.result(10.0) is False
    return Outcome(daemon, client, daemon.log[before:], errors, run)


class Outcome:
    """What clients and the log say once the put has completed."""

    def __init__(
        self, daemon: Daemon, client: Client, log: str, errors: Monitor, run: int
    ) -> None:
        prefix = daemon.prefix
        self.state = client.get(prefix + "CMD_STATE")
        self.error = client.get(prefix + "CMD_ERROR")
        self.ack = client.get(prefix + "ACK")
        self.message = client.get(prefix + "message")
        self.calls = client.get(prefix + "values")[-1]
        self.rungs = re.findall(r"ending it by (\w+)", log)
        now_by = re.findall(r"; now by (\w+)", " ".join(map(str, errors.values)))
        self.told = list(dict.fromkeys(now_by))  # the last words repeat the last rung
        client.wait_for(prefix + "WORKER:STATE", "RUNNING")
        self.runs = client.get(prefix + "WORKER:RUN") - run


@pytest.mark.timing
@pytest.mark.parametrize(
    ("text", "rungs", "runs"),
    [
        ("cooperative", 1, 0),
        ("our_sleep", 1, 0),
        ("time_sleep", 2, 0),
        ("socket", 2, 0),
        ("posting", 2, 0),
        ("cleanup", 2, 0),
        ("c_code", 3, 1),
        ("gil", 3, 1),
        ("ignore", 4, 1),
    ],
)
def test_the_ladder_is_climbed_as_far_as_needed(
    daemon: Daemon, client: Client, text: str, rungs: int, runs: int
) -> None:
    seen = abort_while(daemon, client, text)

    assert seen.state == "ABORTED"
    assert seen.error.startswith("aborted by a put to ABORT")
    assert seen.ack.startswith("0 aborted")
    assert seen.rungs == RUNGS[:rungs]
    assert seen.told == RUNGS[1:rungs]
    assert seen.runs == runs  # milder means leave the worker alive
    if text == "cleanup":
        assert seen.message == "cleaned up"
    assert client.put(daemon.prefix + "CMD", "echo")
    assert client.get(daemon.prefix + "CMD_STATE") == "DONE"


@pytest.mark.timing
def test_abort_of_the_system_is_called_once(daemon: Daemon, client: Client) -> None:
    before = abort_while(daemon, client, "time_sleep")
    after = abort_while(daemon, client, "time_sleep")
    assert after.calls == before.calls + 1


def test_a_stopped_worker_is_killed_in_the_end(daemon: Daemon, client: Client) -> None:
    """SIGTERM waits for SIGCONT; SIGKILL does not."""
    prefix = daemon.prefix
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    put = client.start_put(prefix + "CMD", "time_sleep")
    client.wait_for(prefix + "message", "in time_sleep")
    os.kill(client.get(prefix + "WORKER:PID"), signal.SIGSTOP)
    client.put(prefix + "ABORT", 1)
    assert put.result(10.0) is False
    assert client.get(prefix + "CMD_STATE") == "ABORTED"
    assert "SIGKILL" in client.get(prefix + "CMD_ERROR")
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    assert client.put(prefix + "CMD", "echo")


def test_abort_rejects_what_waits(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    states = client.monitor(prefix + "CMD_STATE")
    running = client.start_put(prefix + "CMD", "our_sleep")
    client.wait_for(prefix + "message", "in our_sleep")
    waiting = [client.start_put(prefix + "CMD", "echo") for _ in range(3)]
    client.wait_for(prefix + "QUEUE_LEN", 3)
    client.put(prefix + "ABORT", 1)
    assert [put.result(10.0) for put in (*waiting, running)] == [False] * 4
    ends = [state for state in states.values if state not in ("QUEUED", "RUNNING")]
    assert ends[-4:] == ["REJECTED"] * 3 + ["ABORTED"]


def test_abort_without_a_command_does_nothing(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    assert client.put(prefix + "CMD", "echo")
    assert client.put(prefix + "ABORT", 1)
    assert client.get(prefix + "ABORT", datatype=int) == 0
    assert client.get(prefix + "CMD_STATE") == "DONE"
    assert client.put(prefix + "CMD", "echo")
