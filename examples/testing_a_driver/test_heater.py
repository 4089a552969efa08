"""Three ways to test a driver, from the quickest to the whole. Run: pytest

1. the class by itself, without sswd
2. the whole: a real daemon, a real worker, Channel Access, a played instrument
3. the IOC's side alone, with a worker that the test plays
"""

from pathlib import Path
from unittest.mock import Mock

import pytest
from fake_heater import FakeHeater
from heater import Heater

from sswd.config import load
from sswd.ioc import Server
from sswd.pipe.protocol import Execute
from sswd.testing import FakeWorker, running_daemon, running_ioc

HERE = Path(__file__).parent


@pytest.fixture
def instrument():
    with FakeHeater() as instrument:
        yield instrument


# -- 1: the class by itself


def test_it_reaches_the_setpoint(instrument):
    posts = {}
    heater = Heater("127.0.0.1", instrument.port)
    heater.io_put = posts.__setitem__
    heater.sleep = heater.progress = Mock()
    heater.setup()
    heater.on_cmd("heat 50")
    heater.close()
    assert posts["values"][-1] == pytest.approx(50.0, abs=0.5)
    assert instrument.heard[-1] == "OFF"


# -- 2: the whole


@pytest.fixture
def daemon(instrument):
    config = (HERE / "heater.toml").read_text()
    config = config.replace('prefix = "LAB:"', 'prefix = "@"')  # a prefix of its own
    config = config.replace("4001", str(instrument.port))
    with running_daemon(config=config, folder=HERE) as daemon:
        yield daemon


def test_a_command_by_channel_access(daemon):
    assert daemon.put("CMD", "heat 50")
    assert daemon.get("values")[-1] == pytest.approx(50.0, abs=0.5)
    assert daemon.get("ACK") == "1"
    daemon.wait_for("TEMPERATURE", lambda celsius: celsius > 49.0)


def test_nonsense_is_refused_in_words(daemon):
    assert not daemon.put("CMD", "fly")
    assert daemon.get("CMD_STATE", as_string=True) == "FAILED"
    assert "neither 'heat <celsius>' nor 'off'" in daemon.get("CMD_ERROR")


def test_an_instrument_that_does_not_answer(daemon, instrument):
    instrument.is_silent = True
    assert not daemon.put("CMD", "off")
    assert "timed out" in daemon.get("CMD_ERROR")


def test_abort_while_it_heats(daemon):
    daemon.put("CMD", "heat 100000", wait=False)
    daemon.wait_for("CMD_STATE", "RUNNING")
    assert daemon.put("ABORT", 1)
    daemon.wait_for("CMD_STATE", "ABORTED")
    assert daemon.put("CMD", "off")


def test_it_is_switched_off_at_the_end(daemon, instrument):
    assert daemon.stop() == 0
    assert instrument.heard[-1] == "OFF"


# -- 3: the IOC's side alone


def test_clients_see_a_dead_worker():
    server = Server("LAB:", name="heater")
    server.system = load(HERE / "heater.toml").system["heater"]
    with FakeWorker() as fake, running_ioc(server) as client:
        worker = fake.next_run()
        worker.come_up()
        client.wait_for("WORKER:STATE", "RUNNING")
        worker.post({"TEMPERATURE": 21.5})
        client.wait_for("TEMPERATURE", 21.5)

        client.put("CMD", "heat 50", wait=False)
        assert worker.expect(Execute).value == "heat 50"
        worker.die(-11)
        client.wait_for("CMD_STATE", "LOST")
        assert "SIGSEGV" in client.get("WORKER:LAST_EXIT")
        comm, invalid = 9, 3
        assert client.alarm("TEMPERATURE") == (comm, invalid)

        fake.next_run().come_up()
        client.wait_for("WORKER:STATE", "RUNNING")
