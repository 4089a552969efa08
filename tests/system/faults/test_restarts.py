"""Rows 19 and 28: restarts by operators, and puts while there is no worker."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from client import Client, ca_is_up
from daemon import until
from served import START_S, served, steady

from sswd.testing import Daemon

CONFIG = """
prefix = "@"
[system.main]
target = "fresh:Fresh"
prefix = "main:"
command.abort_s = [0.2, 1.0, 1.0]
restart.delay_s = 30.0
[system.queue]
target = "fresh:Fresh"
prefix = "queue:"
command = { on_down = "queue", on_restart = "keep", queue = 3 }
restart.delay_s = 0.5
"""
CODE = """
import time
from sswd import System

class Fresh(System):
    def setup(self):
        time.sleep({start_s})
        self.io_put("message", "version {version}")

    def on_CMD(self, text):
        word, _, rest = text.partition(" ")
        if word == "sleep":
            self.io_put("message", "asleep")
            time.sleep(float(rest))
        else:
            self.io_put("message", text)
"""
AT_ONCE_S = 0.25


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module is that is edited while its worker runs."""
    folder = tmp_path_factory.mktemp("fresh")
    write(folder, "one", start_s=3.0)
    return folder


def write(folder: Path, version: str, start_s: float = 0.0) -> None:
    """Edit the driver. The length changes too: the clock of files is coarse."""
    text = CODE.format(version=version, start_s=start_s)
    (folder / "fresh.py").write_text(text)


@pytest.fixture(scope="module")
def early(session_client: Client, folder: Path) -> Iterator[tuple[Daemon, list[bool]]]:
    """The daemon, and how puts fared that came before the very first RUNNING."""
    with served(CONFIG, session_client, (), folder=folder) as daemon:
        cmd = daemon.prefix + "main:CMD"
        daemon.wait_for("main:WORKER:STATE", "STARTING", timeout_s=START_S)
        session_client.get(cmd)  # libca, which asks less and less often, finds it now
        state = session_client.get(daemon.prefix + "main:WORKER:STATE")
        puts = [session_client.start_put(cmd, text) for text in ("first", "second")]
        assert state == "STARTING"
        write(folder, "number two")
        for system in ("main:", "queue:"):
            daemon.wait_for(f"{system}WORKER:STATE", "RUNNING")
        yield daemon, [put.result(10) for put in puts]


@pytest.fixture
def daemon(early: tuple[Daemon, list[bool]], client: Client) -> Iterator[Daemon]:
    """With a worker that has left the first second of its start behind."""
    for system in ("main:", "queue:"):
        worker = f"{early[0].prefix}{system}WORKER:"
        client.put(worker + "START", 1)
        client.wait_for(worker + "UPTIME", lambda seen: seen.value > 1)
    with steady(early[0], client):
        yield early[0]


@pytest.mark.row(28)
def test_puts_before_the_first_start_wait(
    early: tuple[Daemon, list[bool]], client: Client
) -> None:
    assert early[1] == [True, True]
    assert client.get(early[0].prefix + "main:message") == "second"


@pytest.mark.timing
@pytest.mark.row(19)
def test_hup_loads_fresh_code(daemon: Daemon, client: Client, folder: Path) -> None:
    """And leaves alone the worker that an operator has stopped."""
    prefix = daemon.prefix
    stopped = client.monitor(prefix + "queue:WORKER:STATE")
    assert client.put(prefix + "queue:WORKER:STOP", 1)
    stopped.wait_for("STOPPED")
    state = client.monitor(prefix + "main:WORKER:STATE")
    message = client.monitor(prefix + "main:message")
    run = client.get(prefix + "main:WORKER:RUN")
    write(folder, "three after HUP")

    daemon.process.send_signal(signal.SIGHUP)
    message.wait_for("version three after HUP")
    # What is posted together is heard in either order.
    until(lambda: state.values.count("RUNNING") == 2, "RUNNING again")
    assert state.values == ["RUNNING", "STOPPING", "STARTING", "RUNNING"]
    assert client.get(prefix + "main:WORKER:RUN") == run + 1
    assert stopped.last.value == "STOPPED"
    assert state.drops == message.drops == 0
    assert "exited with code 0" in client.get(prefix + "main:WORKER:LAST_EXIT")
    ca_is_up(daemon, client, "main:")


@pytest.mark.row(19)
def test_restart_during_a_command(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "main:"
    state = client.monitor(prefix + "WORKER:STATE")
    fate = client.monitor(prefix + "CMD_STATE")
    run = client.get(prefix + "WORKER:RUN")
    client.get(prefix + "CMD")
    put = client.start_put(prefix + "CMD", "sleep 3600")
    waiting = client.start_put(prefix + "CMD", "later")
    client.wait_for(prefix + "message", "asleep")
    assert client.put(prefix + "WORKER:RESTART", 1)
    assert client.get(prefix + "WORKER:RESTART") == "Ready"

    assert put.result(10) is False
    assert waiting.result(10) is False
    assert fate.values[-2:] == ["ABORTED", "REJECTED"]
    # By the server's stamps: what waits for one client goes out PV by PV.
    rejected_s = fate.last.stamp_s
    state.wait_for(lambda s: s.value == "RUNNING" and s.stamp_s > rejected_s)
    assert client.get(prefix + "WORKER:RUN") == run + 1
    assert state.values == ["RUNNING", "STOPPING", "STARTING", "RUNNING"]
    assert state.drops == 0


@pytest.mark.timing
@pytest.mark.row(19)
def test_a_hundred_restarts_in_a_second_are_one(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "main:"
    run = client.get(prefix + "WORKER:RUN")
    state = client.monitor(prefix + "WORKER:STATE")
    client.get(prefix + "WORKER:RESTART")
    begun_s = time.monotonic()
    puts = []
    for number in range(100):
        puts.append(client.start_put(prefix + "WORKER:RESTART", 1))
        time.sleep(max(0.0, begun_s + number * 0.008 - time.monotonic()))
    assert time.monotonic() - begun_s < 1.0, "the test was too slow for its fault"
    assert all(put.result(10) for put in puts)
    state.wait_for("RUNNING", since_s=begun_s)
    client.wait_for(prefix + "WORKER:UPTIME", lambda seen: seen.value > 1)
    assert client.get(prefix + "WORKER:RUN") == run + 1
    assert state.values == ["RUNNING", "STOPPING", "STARTING", "RUNNING"]
    ca_is_up(daemon, client, "main:")

    assert client.put(prefix + "WORKER:RESTART", 1)  # and the next one counts again
    state.wait_for(lambda _: state.values.count("RUNNING") == 3)
    assert client.get(prefix + "WORKER:RUN") == run + 2


@pytest.mark.timing
@pytest.mark.row(28)
@pytest.mark.parametrize("down", ["BACKOFF", "STOPPED", "STARTING"])
def test_puts_while_the_worker_is_down(
    daemon: Daemon, client: Client, folder: Path, down: str
) -> None:
    prefix = daemon.prefix + "main:"
    state = client.monitor(prefix + "WORKER:STATE")
    write(folder, "slow", start_s=1.5 if down == "STARTING" else 0.0)
    word = "STOP" if down == "STOPPED" else "RESTART"
    assert client.put(prefix + "WORKER:" + word, 1)
    if down == "BACKOFF":  # a run that is not good yet, so not started at once
        state.wait_for("RUNNING", since_s=state.last.at_s + 0.001)
        os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)
    state.wait_for(down)
    began_s = time.monotonic()
    assert client.put(prefix + "CMD", "hello") is False
    assert time.monotonic() - began_s < AT_ONCE_S
    assert client.get(prefix + "CMD_STATE") == "REJECTED"
    assert f"the worker is {down}" in client.get(prefix + "CMD_ERROR")
    assert client.get(prefix + "message") != "hello"


@pytest.mark.row(28)
def test_puts_wait_for_the_worker_by_policy(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "queue:"
    state = client.monitor(prefix + "WORKER:STATE")
    fate = client.monitor(prefix + "CMD_STATE")
    os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)
    state.wait_for(lambda seen: seen.value != "RUNNING")
    client.get(prefix + "CMD")
    puts = [client.start_put(prefix + "CMD", text) for text in "abcd"]
    assert puts[3].result(5) is False  # bounded: three may wait
    assert "queue full" in client.get(prefix + "CMD_ERROR")
    assert [put.result(10) for put in puts[:3]] == [True, True, True]
    assert client.get(prefix + "message") == "c"
    assert fate.values.count("DONE") >= 3


@pytest.mark.row(28)
def test_puts_that_wait_for_a_worker_that_never_comes(
    daemon: Daemon, client: Client
) -> None:
    """The policy says wait; the end of the IOC must not leave them hanging."""
    prefix = daemon.prefix + "queue:"
    assert client.put(prefix + "WORKER:STOP", 1)
    client.wait_for(prefix + "WORKER:STATE", "STOPPED")
    fate = client.monitor(prefix + "CMD_STATE")
    put = client.start_put(prefix + "CMD", "too late")
    client.wait_for(prefix + "QUEUE_LEN", 1)
    assert daemon.stop() == 0
    assert put.result(5) is False
    assert fate.values[-2:] == ["REJECTED", None]
