"""An instrument without any Python: lewis' Julabo bath, by its texts only."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import until
from lewis_bath import bath

from sswd.testing import Daemon, free_port, running_daemon

DRIVERS = Path(__file__).parent / "drivers"
CONFIG = """
prefix = "@"
[system.bath]
target = "scpi:{file}"
ping_s = 0.5
args = {{ address = "TCPIP::127.0.0.1::{port}::SOCKET", timeout_s = 1.0 }}
"""
COMM, INVALID = 9, 3  # alarm.h


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def simulator(
    port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[bytes]]:
    with bath(port, tmp_path_factory.mktemp("bath") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def daemon(port: int, simulator: object) -> Iterator[Daemon]:
    config = CONFIG.format(port=port, file=DRIVERS / "bath.toml")
    with running_daemon(config=config) as running:
        yield running


def test_the_texts_are_pvs(daemon: Daemon) -> None:
    assert "JULABO FP50_MH" in daemon.get("VERSION")
    daemon.wait_for("TEMPERATURE", lambda celsius: celsius > 0)
    assert daemon.alarm("TEMPERATURE") == (0, 0)
    assert daemon.get("CIRCULATE", as_string=True) == "off"


def test_a_put_is_sent_and_read_back(daemon: Daemon) -> None:
    assert daemon.put("SETPOINT", 27.504)
    assert daemon.get("SETPOINT") == 27.5  # what the bath has taken
    assert daemon.put("CIRCULATE", "on")
    assert daemon.get("CIRCULATE", as_string=True) == "on"
    assert daemon.put("CIRCULATE", "off")


def test_limits_are_those_of_the_file(daemon: Daemon) -> None:
    assert not daemon.put("SETPOINT", 400.0)
    assert "limits" in daemon.get("CMD_ERROR")


def test_an_answer_that_is_no_value_is_told_and_never_posted(daemon: Daemon) -> None:
    assert daemon.alarm("NONSENSE")[1] == INVALID
    assert "NONSENSE cannot be read" in daemon.log
    assert "the driver read '0', which is none of ['a', 'b']" in daemon.log


def test_one_pv_is_read_on_demand(daemon: Daemon) -> None:
    assert daemon.put("READ", "SETPOINT")
    assert not daemon.put("READ", "NONSENSE")
    assert "none of" in daemon.get("CMD_ERROR")


def test_a_lost_bath_is_told_and_found_again(
    daemon: Daemon, simulator: subprocess.Popen[bytes], port: int, tmp_path: Path
) -> None:
    run = daemon.get("WORKER:RUN")
    simulator.kill()
    simulator.wait(10)
    daemon.wait_for("WORKER:LINK", "LOST", timeout_s=20.0)
    assert daemon.alarm("TEMPERATURE") == (COMM, INVALID)
    assert daemon.alarm("SETPOINT") == (COMM, INVALID)
    assert not daemon.put("SETPOINT", 30.0)
    with bath(port, tmp_path / "log"):
        daemon.wait_for("WORKER:LINK", "OK", timeout_s=40.0)
        until(lambda: daemon.alarm("TEMPERATURE") == (0, 0), "a temperature", 10.0)
        assert daemon.put("SETPOINT", 30.0)
        assert daemon.get("WORKER:RUN") == run
