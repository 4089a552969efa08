"""A driver of QCoDeS on its own simulation: a Lakeshore 335 in pyvisa-sim."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.testing import Daemon, running_daemon

BIN = Path(sys.executable).parent
TARGET = "qcodes:qcodes.instrument_drivers.Lakeshore:LakeshoreModel335"
SIMULATION = ("address=GPIB::2::INSTR", "pyvisa_sim_file=lakeshore_model335.yaml")
CONFIG = f"""
prefix = "@"

[system.chosen]
target = "{TARGET}"
prefix = "ONE:"
ping = "*IDN?"
ping_s = 0.2
args = {{ address = "GPIB::2::INSTR", pyvisa_sim_file = "lakeshore_model335.yaml" }}
[system.chosen.pvs.T]
attribute = "A.temperature"
type = "float"
units = "K"
poll_s = 0.2
[system.chosen.pvs.NAME]
attribute = "A.sensor_name"
type = "str"
writable = true
readback = true
poll_s = 0

[system.all]
target = "{TARGET}"
prefix = "ALL:"
args = {{ address = "GPIB::2::INSTR", pyvisa_sim_file = "lakeshore_model335.yaml" }}
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(config=CONFIG) as running:
        yield running


def test_a_parameter_of_a_channel_is_polled(daemon: Daemon) -> None:
    assert daemon.get("ONE:T") == 100.0
    assert daemon.alarm("ONE:T") == (0, 0)


def test_a_put_sets_the_parameter_and_reads_it_back(daemon: Daemon) -> None:
    assert daemon.put("ONE:NAME", "sample of the day")
    assert daemon.get("ONE:NAME_RBV") == "sample of the day"


def test_what_the_validator_refuses_fails_in_its_words(daemon: Daemon) -> None:
    assert not daemon.put("ONE:NAME", "short")
    assert "length must be between" in daemon.get("ONE:CMD_ERROR")


def test_the_instrument_is_asked_whether_it_is_there(daemon: Daemon) -> None:
    assert daemon.get("ONE:WORKER:LINK", as_string=True) == "OK"


def test_without_a_choice_all_parameters_are_served(daemon: Daemon) -> None:
    daemon.wait_for("ALL:A:TEMPERATURE", lambda _: True)
    assert daemon.put("ALL:READ", "A:TEMPERATURE")
    assert daemon.get("ALL:A:TEMPERATURE") == 100.0


def test_limits_are_those_of_the_validator(daemon: Daemon) -> None:
    daemon.wait_for("ALL:A:RANGE", lambda _: True)
    assert not daemon.put("ALL:A:RANGE", 9.0)
    assert "limits" in daemon.get("ALL:CMD_ERROR")


def test_init_writes_what_the_instrument_has(tmp_path: Path) -> None:
    args = [word for pair in SIMULATION for word in ("--arg", pair)]
    for command in (
        [BIN / "sswd", "init", "bath", "--wrap", TARGET, *args],
        [BIN / "sswd", "check", "bath.toml"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    text = (tmp_path / "bath.toml").read_text()
    assert '[system.bath.pvs."A:TEMPERATURE"]\nattribute = "A.temperature"' in text
    assert 'strings = ["kelvin", "celsius", "sensor"]' in text
