"""A system against a device simulator that we did not write: lewis' Julabo bath."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from daemon import until

from sswd.testing import Daemon, free_port, running_daemon

DRIVERS = Path(__file__).parent / "drivers"
SPEED = 100  # simulated time passes so much faster: 8 C/s instead of 5 C/min


@pytest.fixture
def bath_port(tmp_path: Path) -> Iterator[int]:
    """The TCP port of a simulated bath that runs as a process of its own."""
    port = free_port()
    with (tmp_path / "lewis.log").open("wb") as log:
        simulator = subprocess.Popen(
            [
                *(Path(sys.executable).parent / "lewis", "julabo", "-e", str(SPEED)),
                *("-c", "0.02", "-p"),
                f"julabo-version-1: {{bind_address: 127.0.0.1, port: {port}}}",
            ],
            stdout=log,
            stderr=log,
        )
    until(lambda: listens(port), "lewis to listen", 20.0)
    yield port
    simulator.terminate()
    simulator.wait(10)


def listens(port: int) -> bool:
    # A look into the kernel's table: a connection would be a client of the bath.
    return any(
        c.laddr.port == port and c.status == psutil.CONN_LISTEN
        for c in psutil.net_connections("tcp")
    )


@pytest.fixture
def daemon(bath_port: int) -> Iterator[Daemon]:
    config = (DRIVERS / "julabo.toml").read_text().replace("PORT", str(bath_port))
    with running_daemon(config=config, folder=DRIVERS) as daemon:
        yield daemon


def test_setpoint_over_channel_access_heats_the_bath(
    daemon: Daemon, bath_port: int
) -> None:
    assert "JULABO FP50_MH" in daemon.get("VERSION")
    assert daemon.put("CIRCULATE", "On")
    assert daemon.put("SETPOINT", 27.5)
    assert daemon.get("SETPOINT") == 27.5
    assert daemon.get("SETPOINT_RBV") == 27.5

    assert daemon.put("CMD", "settle 0.2", timeout_s=30.0)
    trace = list(daemon.get("values"))
    assert abs(trace[-1] - 27.5) <= 0.2
    assert trace == sorted(trace)
    assert len(trace) > 2
    assert daemon.get("CMD_STATE", as_string=True) == "DONE"
    daemon.wait_for("TEMPERATURE", lambda celsius: abs(celsius - 27.5) <= 0.2)

    # `close` ran: the bath says so itself, to another client.
    assert daemon.stop() == 0
    with socket.create_connection(("127.0.0.1", bath_port), 5) as bath:
        bath.sendall(b"IN_MODE_05\r")
        assert bath.recv(100) == b"0\r\n"


def test_a_put_outside_the_limits_never_reaches_the_bath(daemon: Daemon) -> None:
    assert daemon.put("SETPOINT", 25.0)
    assert not daemon.put("SETPOINT", 400.0)
    assert daemon.get("SETPOINT") == 25.0
    assert daemon.get("CMD_STATE", as_string=True) == "REJECTED"
    assert "limits" in daemon.get("CMD_ERROR")
