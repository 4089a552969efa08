"""Drivers of pymeasure, served: its SwissArmyFake, and a Keithley by its protocol."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.adapters.pymeasure_class import PymeasureClass
from sswd.testing import Daemon, running_daemon

DRIVERS = Path(__file__).parent / "drivers"
INVALID = 3  # alarm.h


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    config = (DRIVERS / "pymeasure.toml").read_text()
    with running_daemon(config=config, folder=DRIVERS) as running:
        yield running


def test_a_polled_property_is_a_pv(daemon: Daemon) -> None:
    assert daemon.get("FAKE:VOLTAGE") == 10.0
    assert daemon.alarm("FAKE:VOLTAGE") == (0, 0)


def test_a_put_writes_the_property_and_reads_it_back(daemon: Daemon) -> None:
    assert daemon.put("FAKE:OUTPUT_VOLTAGE", 2.5)
    assert daemon.get("FAKE:OUTPUT_VOLTAGE_RBV") == 2.5


def test_an_enum(daemon: Daemon) -> None:
    assert daemon.put("FAKE:FORMAT", "mono_16")
    assert daemon.get("FAKE:FORMAT", as_string=True) == "mono_16"


def test_an_image_is_read_on_demand(daemon: Daemon) -> None:
    assert daemon.put("FAKE:FRAME_WIDTH", 8)
    assert daemon.put("FAKE:FRAME_HEIGHT", 4)
    assert daemon.put("FAKE:READ", "FRAME")
    assert len(daemon.get("FAKE:FRAME")) == 32
    assert (daemon.get("FAKE:FRAME:WIDTH"), daemon.get("FAKE:FRAME:HEIGHT")) == (8, 4)


def test_what_is_no_number_is_told_and_never_posted(daemon: Daemon) -> None:
    assert daemon.alarm("FAKE:NO_NUMBER")[1] == INVALID
    assert "could not convert string to float: 'mono_" in daemon.log
    assert daemon.alarm("FAKE:VOLTAGE") == (0, 0)  # the others are good
    assert daemon.get("FAKE:WORKER:LINK", as_string=True) == "OK"


def test_what_the_driver_refuses_fails_in_its_words(daemon: Daemon) -> None:
    assert not daemon.put("SMU:SOURCE_VOLTAGE", 500.0)
    assert "limits" in daemon.get("SMU:CMD_ERROR")


def test_a_keithley_is_sent_what_its_driver_sends(daemon: Daemon) -> None:
    assert daemon.get("SMU:SOURCE_VOLTAGE") == 0.5
    assert daemon.put("SMU:SOURCE_VOLTAGE", 1.5)
    assert daemon.get("SMU:SOURCE_VOLTAGE") == 1.5
    assert daemon.put("SMU:SOURCE_MODE", "current")
    assert daemon.put("SMU:SOURCE_ENABLED", 1)
    assert daemon.put("SMU:READ", "SOURCE_ENABLED")
    assert daemon.get("SMU:SOURCE_ENABLED", as_string=True) == "On"


def test_without_a_choice_all_properties_are_served(daemon: Daemon) -> None:
    assert daemon.put("ALL:READ", "WAVE")
    assert -1.0 <= daemon.get("ALL:WAVE") <= 1.0


def test_a_keithley_says_what_it_has() -> None:
    source = PymeasureClass("pymeasure.instruments.keithley:Keithley2400", "", "x")
    found = {a.name: a for a in source.attributes() or ()}
    voltage = found["source_voltage"]
    assert (voltage.type, voltage.units, voltage.writable) == ("float", "V", True)
    assert found["compliance_current"].limits == (-1.05, 1.05)
    assert found["source_mode"].strings == ("current", "voltage")
    assert found["source_enabled"].type == "bool"
    assert found["voltage"].readable
    assert not found["voltage"].writable
    assert found["reset"].type == "action"


def test_channels_are_parts_of_the_name() -> None:
    source = PymeasureClass("pymeasure.instruments.lakeshore:LakeShore224", "", "x")
    found = {a.name: a for a in source.attributes() or ()}
    assert found["input_A.kelvin"].units == "K"
