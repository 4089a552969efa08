"""A lost instrument is told, and found again, whatever the driver is made with."""

from pathlib import Path

from daemon import until
from lewis_bath import bath

from sswd.testing import Daemon, free_port, running_daemon

DRIVERS = Path(__file__).parent / "drivers"
COMM, INVALID = 9, 3  # alarm.h
CONFIG = """
prefix = "@"

[system.pymeasure]
target = "pymeasure:baths:PymeasureBath"
prefix = "P:"
[system.pymeasure.args]
adapter = "TCPIP::127.0.0.1::{port}::SOCKET"
visa_library = "@py"
read_termination = "\\r\\n"
write_termination = "\\r"
timeout = 1000
[system.pymeasure.pvs.TEMPERATURE]
type = "float"
poll_s = 0.1

[system.qcodes]
target = "qcodes:baths:QcodesBath"
prefix = "Q:"
[system.qcodes.args]
address = "TCPIP::127.0.0.1::{port}::SOCKET"
timeout = 1
[system.qcodes.pvs.TEMPERATURE]
type = "float"
poll_s = 0.1
[system.qcodes.pvs.SETPOINT]
type = "float"
writable = true
poll_s = 0
"""


def are_good(daemon: Daemon) -> bool:
    return all(daemon.alarm(f"{p}:TEMPERATURE") == (0, 0) for p in "PQ")


def test_a_bath_is_lost_and_found(tmp_path: Path) -> None:
    port = free_port()
    config = CONFIG.format(port=port)
    with running_daemon(config=config, folder=DRIVERS, ready=False) as daemon:
        with bath(port, tmp_path / "log"):
            for system in "PQ":
                daemon.wait_for(f"{system}:WORKER:STATE", "RUNNING", timeout_s=60.0)
            until(lambda: are_good(daemon), "both temperatures", 60.0)
            assert daemon.put("Q:SETPOINT", 27.504)
            assert daemon.get("Q:SETPOINT") == 27.5
            runs = [daemon.get(f"{p}:WORKER:RUN") for p in "PQ"]
        for system in "PQ":
            daemon.wait_for(f"{system}:WORKER:LINK", "LOST", timeout_s=20.0)
            assert daemon.alarm(f"{system}:TEMPERATURE") == (COMM, INVALID)
        assert not daemon.put("Q:SETPOINT", 30.0)
        with bath(port, tmp_path / "log"):
            until(lambda: are_good(daemon), "both temperatures again", 60.0)
            assert [daemon.get(f"{p}:WORKER:RUN") for p in "PQ"] == runs
