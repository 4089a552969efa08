"""The park routine: hardware is made safe when the worker cannot do it any more."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from client import Client, ca_is_up
from daemon import until
from served import offspring, served

from sswd.testing import Daemon

SYSTEM = """
[system.{name}]
target = "parks:Moving"
prefix = "{name}:"
park = "parks:{name}"
park_s = {limit_s}
args.journal = "{folder}/{name}"
restart.delay_s = 0.1
"""
LIMITS_S = {"park": 5.0, "hang": 3.0, "fail": 5.0}
SYSTEMS = ("park:", "hang:", "fail:")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journals")


@pytest.fixture(scope="module")
def daemon(session_client: Client, folder: Path) -> Iterator[Daemon]:
    config = 'prefix = "@"\n' + "".join(
        SYSTEM.format(name=name, folder=folder, limit_s=limit_s)
        for name, limit_s in LIMITS_S.items()
    )
    with served(config, session_client, SYSTEMS) as daemon:
        yield daemon


def die(daemon: Daemon, client: Client, name: str) -> float:
    """Have the worker die and wait for the next one; how long that took."""
    prefix = f"{daemon.prefix}{name}:"
    state = client.monitor(prefix + "WORKER:STATE")
    begun_s = time.monotonic()
    assert client.put(prefix + "CMD", "die") is False
    state.wait_for("BACKOFF")
    ca_is_up(daemon, client, f"{name}:")
    took_s = state.wait_for("RUNNING", since_s=begun_s).at_s - begun_s
    assert state.values == ["RUNNING", "BACKOFF", "STARTING", "RUNNING"]
    return took_s


@pytest.mark.timing
def test_it_runs_before_the_next_worker(
    daemon: Daemon, client: Client, folder: Path
) -> None:
    die(daemon, client, "park")
    wrote = (folder / "park").read_text().splitlines()
    assert wrote == ["setup", "park begins", "park ends", "setup"]
    assert "park routine of system 'park' done" in daemon.log


@pytest.mark.timing
def test_it_has_a_limit(daemon: Daemon, client: Client, folder: Path) -> None:
    assert die(daemon, client, "hang") > 2.9
    wrote = (folder / "hang").read_text().splitlines()
    assert wrote == ["setup", "park begins", "setup"]
    assert (
        "park routine of system 'hang' was killed by SIGKILL (not done within"
        in daemon.log
    )


@pytest.mark.timing
def test_its_failure_is_told(daemon: Daemon, client: Client, folder: Path) -> None:
    die(daemon, client, "fail")
    wrote = (folder / "fail").read_text().splitlines()
    assert wrote == ["setup", "park begins", "setup"]
    assert "ConnectionError: no answer from the stage" in daemon.log


@pytest.mark.timing
def test_the_daemon_stops_with_and_without_a_living_worker(
    daemon: Daemon, client: Client, folder: Path
) -> None:
    """ "park" lives and closes, "hang" waits for its next start, "fail" is killed."""
    for name in LIMITS_S:
        (folder / name).write_text("")
    hang = daemon.prefix + "hang:"
    state = client.monitor(hang + "WORKER:STATE")
    assert client.put(hang + "CMD", "die") is False
    state.wait_for("BACKOFF")
    until(lambda: "park begins" in (folder / "hang").read_text(), "the routine")
    pid = client.get(daemon.prefix + "fail:WORKER:PID")
    next(p for p in offspring(daemon) if p.pid == pid).send_signal(signal.SIGSTOP)

    begun_s = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begun_s < 8.5
    assert (folder / "park").read_text().splitlines() == ["close"]
    assert (folder / "hang").read_text().splitlines() == ["park begins"]
    assert (folder / "fail").read_text().splitlines() == ["park begins"]
