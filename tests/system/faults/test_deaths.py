"""Rows 1, 2, 5, 6, 7: the worker dies in many ways; nobody else notices."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import COMM, INVALID, Client, ca_is_up
from daemon import until
from served import served, steady
from systems import one_system

from sswd.testing import Daemon

SOON_S = 5 * 0.2
"""Five times the 0.2 s in which a death is to be seen and told."""


@pytest.fixture(scope="module")
def survivor(
    session_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Daemon, Path]]:
    """One daemon and its journal for many deaths; it has survived those before."""
    journal = tmp_path_factory.mktemp("survivor") / "journal"
    config = one_system(
        "deaths:Mortal",
        args=f'journal = "{journal}"',
        restart="delay_s = 0.05\nmax_delay_s = 0.1",
    )
    with served(config, session_client) as daemon:
        yield daemon, journal


@pytest.fixture
def daemon(survivor: tuple[Daemon, Path], client: Client) -> Iterator[Daemon]:
    daemon, journal = survivor
    journal.write_text("")
    client.wait_for(daemon.prefix + "WORKER:STATE", "RUNNING")
    with steady(daemon, client):
        yield daemon


def kill(client: Client, daemon: Daemon) -> float:
    """SIGKILL the worker; when that was, on the monotonic clock."""
    pid = client.get(daemon.prefix + "WORKER:PID")
    killed_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return killed_s


def last_death(daemon: Daemon, client: Client) -> dict[str, Any]:
    """The newest post-mortem on disk."""
    run = client.get(daemon.prefix + "WORKER:RUN") - 1
    found: list[Path] = []

    def is_written() -> bool:
        found[:] = (daemon.folder / "state").glob(f"*-run{run}.json")
        return bool(found) and found[0].stat().st_size > 0

    until(is_written, "the post-mortem")
    return dict(json.loads(found[0].read_text()))


def assert_healed(daemon: Daemon, client: Client) -> None:
    """The next run does what it is told, and its values are good again."""
    client.wait_for(daemon.prefix + "WORKER:STATE", "RUNNING")
    assert client.put(daemon.prefix + "CMD", "values 1 2 3")
    assert list(client.get(daemon.prefix + "values")) == [1, 2, 3]
    assert client.alarm(daemon.prefix + "values") == (0, 0)
    assert client.get(daemon.prefix + "CMD_STATE") == "DONE"


@pytest.mark.timing
@pytest.mark.row(1)
def test_killed_when_idle(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    assert client.put(prefix + "CMD", "values 7 8")
    state = client.monitor(prefix + "WORKER:STATE")
    values = client.monitor(prefix + "values")
    restarts = client.get(prefix + "WORKER:RESTARTS")

    with client.watching(prefix + "CMD") as watch:
        killed_s = kill(client, daemon)
        down = state.wait_for("BACKOFF")
        grave = values.wait_for(lambda seen: seen.severity == INVALID)
        ca_is_up(daemon, client)
        state.wait_for("RUNNING", since_s=killed_s)

    assert down.at_s - killed_s < SOON_S
    assert grave.at_s - killed_s < SOON_S
    assert list(grave.value) == [7, 8]  # the old value, and its old stamp
    assert grave.status == COMM
    assert grave.stamp_s > values.seen[0].stamp_s  # of the change, for archivers
    watch.assert_up()
    assert state.drops == 0
    assert client.get(prefix + "WORKER:RESTARTS") == restarts + 1
    assert "was killed by SIGKILL" in client.get(prefix + "WORKER:LAST_EXIT")
    assert_healed(daemon, client)


@pytest.mark.timing
@pytest.mark.row(2)
def test_killed_during_a_command(
    daemon: Daemon, client: Client, survivor: tuple[Daemon, Path]
) -> None:
    prefix = daemon.prefix
    put = client.start_put(prefix + "CMD", "sleep 60")
    client.wait_for(prefix + "message", "in sleep 60")
    state = client.monitor(prefix + "CMD_STATE")
    ack = client.monitor(prefix + "ACK")
    killed_s = kill(client, daemon)

    assert put.result(10.0) is False
    assert time.monotonic() - killed_s < SOON_S
    assert state.last.value == "LOST"  # told before the put completed
    assert "was killed by SIGKILL" in client.get(prefix + "CMD_ERROR")
    assert ack.wait_for(lambda seen: seen.value.startswith("0 lost"))
    ca_is_up(daemon, client)
    assert_healed(daemon, client)
    assert survivor[1].read_text() == "sleep 60\nvalues 1 2 3\n"  # never again
    assert "LOST" not in [seen.value for seen in state.seen[2:]]


@pytest.mark.row(5)
def test_segmentation_fault(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    assert client.put(prefix + "CMD", "segfault") is False
    assert client.get(prefix + "CMD_STATE") == "LOST"
    assert "was killed by SIGSEGV" in client.get(prefix + "WORKER:LAST_EXIT")
    told = f"command {client.get(prefix + 'CMD_ID')} CMD 'segfault'"
    assert told in client.get(prefix + "WORKER:LAST_EXIT")
    for text in (client.get(prefix + "WORKER:LAST_ERROR"), daemon.log):
        assert "Fatal Python error: Segmentation fault" in text
        assert "in read_nowhere" in text
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    death = last_death(daemon, client)
    assert death["exit_code"] == -signal.SIGSEGV
    assert death["command"] == told
    assert "in read_nowhere" in death["error"]
    assert death["was_running_s"] > 0
    assert_healed(daemon, client)


@pytest.mark.timing
@pytest.mark.row(6)
@pytest.mark.parametrize(
    ("text", "code"), [("exit 0", 0), ("exit 4", 4), ("leave 0", 0), ("leave 3", 3)]
)
def test_the_system_exits(
    daemon: Daemon,
    client: Client,
    text: str,
    code: int,
    survivor: tuple[Daemon, Path],
) -> None:
    prefix = daemon.prefix
    assert client.put(prefix + "CMD", text) is False
    assert client.get(prefix + "CMD_STATE") == "LOST"
    assert f"exited with code {code}" in client.get(prefix + "CMD_ERROR")
    assert f"exited with code {code}" in client.get(prefix + "WORKER:LAST_EXIT")
    assert f"exited with code {code}" in daemon.log
    ca_is_up(daemon, client)
    assert_healed(daemon, client)
    assert survivor[1].read_text().count(text) == 1


@pytest.mark.row(7)
def test_the_system_raises(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    run, pid = client.get(prefix + "WORKER:RUN"), client.get(prefix + "WORKER:PID")
    before = len(daemon.log)
    assert client.put(prefix + "CMD", "raise twice") is False
    assert client.get(prefix + "CMD_STATE") == "FAILED"
    assert client.get(prefix + "CMD_ERROR") == "ValueError: told to fail twice"
    assert client.get(prefix + "ACK").startswith("0 ValueError: told to fail")
    log = daemon.log[before:]
    assert log.count("Traceback (most recent call last)") == 1
    assert "in do_raise" in log
    told = [line for line in log.splitlines() if line[:1].isdigit()]
    assert len([line for line in told if "told to fail twice" in line]) == 1, told
    assert_healed(daemon, client)
    assert client.get(prefix + "WORKER:PID") == pid
    assert client.get(prefix + "WORKER:RUN") == run


def test_only_the_newest_post_mortems_are_kept(daemon: Daemon, client: Client) -> None:
    """A worker that dies for a month must not fill the disk."""
    folder = daemon.folder / "state"
    folder.mkdir(exist_ok=True)
    stem = daemon.prefix.rstrip(":")
    for number in range(25):
        old = folder / f"{stem}-20200101T0000{number:02}-run{number}.json"
        old.write_text("{}")
        os.utime(old, (number, number))
    foreign = folder / "another-20200101T000000-run1.json"
    foreign.write_text("{}")

    client.put(daemon.prefix + "CMD", "leave 1")
    client.wait_for(daemon.prefix + "WORKER:STATE", "RUNNING")
    until(lambda: len(list(folder.glob(f"{stem}-*"))) == 20, "five to be removed")
    assert last_death(daemon, client)["exit_code"] == 1
    assert not (folder / f"{stem}-20200101T000000-run0.json").exists()
    assert (folder / f"{stem}-20200101T000024-run24.json").exists()
    assert foreign.exists()
