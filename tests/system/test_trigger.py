"""A system that a master's PV triggers: counts, policies, and masters that go away."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from puppets import Puppet, Puppets, puppets

from sswd.testing import Daemon, running_daemon

DRIVERS = Path(__file__).parent / "drivers"
INVALID, COMM = 3, 9


def configuration(*keys: str, pv: str = "Nested_Indices") -> str:
    return "\n".join(
        [
            'prefix = "@"',
            "[system.stage]",
            'target = "sequence_stage:Stage"',
            "[system.stage.trigger]",
            f'pv = "M:{pv}"',
            *keys,
        ]
    )


def triggered(masters: Puppets, *keys: str, pv: str = "Nested_Indices"):
    text = configuration(*keys, pv=pv)
    return running_daemon(config=text, folder=DRIVERS, env=masters.env)


@pytest.fixture(scope="module")
def masters() -> Iterator[Puppets]:
    with puppets() as made:
        yield made


@pytest.fixture
def master(masters: Puppets) -> Iterator[Puppet]:
    puppet = masters.start()
    yield puppet
    puppet.kill()


def counts(daemon: Daemon) -> dict[str, int]:
    names = ("SEEN", "EXECUTED", "FAILED", "MISSED")
    return {name: daemon.get(f"TRIGGER:{name}") for name in names}


def connected(daemon: Daemon) -> None:
    daemon.wait_for("TRIGGER:CONNECTED", "Yes")


def test_each_change_steps_and_is_counted(masters, master) -> None:
    with triggered(masters) as daemon:
        connected(daemon)
        assert daemon.alarm("TRIGGER:CONNECTED") == (0, 0)
        assert daemon.put("CMD", "[10, 11, 12, 200]")
        for count, value in [(0, 10.0), (2, 12.0), (2, 12.0), (5, 11.0)]:
            before = daemon.get("TRIGGER:EXECUTED")
            master.put("Nested_Indices", f"{{'stage': {count}, 'laser': 0}}")
            daemon.wait_for("TRIGGER:EXECUTED", before + 1)
            assert (daemon.get("INDEX"), daemon.get("INDEX_RBV")) == (count, count)
            assert daemon.get("VAL") == value
            assert daemon.get("READY", as_string=True) == "READY"
        master.put("Nested_Indices", "{'laser': 1}")
        master.put("Nested_Indices", "{}")
        master.put("Nested_Indices", '{"stage": 1}')
        daemon.wait_for("TRIGGER:EXECUTED", 5)
        assert counts(daemon) == {"SEEN": 5, "EXECUTED": 5, "FAILED": 0, "MISSED": 0}
        assert daemon.get("TRIGGER:LAST") == '{"stage": 1}'
        assert daemon.get("TRIGGER:INDEX") == 1

        master.put("Nested_Indices", "{'stage': soon}")
        daemon.wait_for("TRIGGER:MISSED", 1)
        assert "stage" in daemon.get("TRIGGER:ERROR")

        # One that comes while a step runs is missed; the one that ends it has failed.
        master.put("Nested_Indices", "{'stage': 3}")
        daemon.wait_for("READY", "NOT READY")
        master.put("Nested_Indices", "{'stage': 0}")
        daemon.wait_for("TRIGGER:MISSED", 2)
        assert "0 missed: command" in daemon.get("TRIGGER:ERROR")
        assert "INDEX 3 runs" in daemon.get("TRIGGER:ERROR")
        os.kill(daemon.get("WORKER:PID"), signal.SIGKILL)
        daemon.wait_for("TRIGGER:FAILED", 1)
        assert "SIGKILL" in daemon.get("TRIGGER:ERROR")
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
        assert daemon.put("WORKER:STOP", 1)
        daemon.wait_for("WORKER:STATE", "STOPPED")
        master.put("Nested_Indices", "{'stage': 1}")
        daemon.wait_for("TRIGGER:MISSED", 3)
        assert "the worker is STOPPED" in daemon.get("TRIGGER:ERROR")
        assert counts(daemon) == {"SEEN": 9, "EXECUTED": 5, "FAILED": 1, "MISSED": 3}


def test_queued_triggers_wait_their_turn(masters, master) -> None:
    with triggered(masters, 'busy = "queue"', pv="COUNT") as daemon:
        connected(daemon)
        assert daemon.put("CMD", "linear(0, 40, 1)")
        for count in range(1, 31):
            master.put("COUNT", count)
        daemon.wait_for("TRIGGER:EXECUTED", 30)
        assert counts(daemon) == {"SEEN": 30, "EXECUTED": 30, "FAILED": 0, "MISSED": 0}
        assert daemon.get("VAL") == 30.0


def test_a_string_pv_and_a_key(masters, master) -> None:
    with triggered(masters, 'key = "other.name"', pv="SHORT") as daemon:
        connected(daemon)
        assert daemon.put("CMD", "[5, 6, 7]")
        master.put("SHORT", "{'other.name': 2, 'stage': 1}")
        daemon.wait_for("TRIGGER:EXECUTED", 1)
        assert daemon.get("VAL") == 7.0


@pytest.mark.parametrize("port", [0, 1])
def test_a_master_that_was_killed_is_found_again(masters, master, port) -> None:
    with triggered(masters, pv="COUNT") as daemon:
        connected(daemon)
        assert daemon.put("CMD", "linear(0, 9, 1)")
        master.put("COUNT", 3)
        daemon.wait_for("TRIGGER:EXECUTED", 1)
        master.kill()
        daemon.wait_for("TRIGGER:CONNECTED", "No")
        assert daemon.alarm("TRIGGER:CONNECTED") == (COMM, INVALID)
        assert daemon.put("INDEX", 7), "the IOC does not mind"

        again = masters.start(port)
        connected(daemon)
        assert daemon.alarm("TRIGGER:CONNECTED") == (0, 0)
        # It came up with 0, which is found, not executed; that it changed is told.
        daemon.wait_for("TRIGGER:MISSED", 1)
        assert "while the master's PV was not connected" in daemon.get("TRIGGER:ERROR")
        assert daemon.get("VAL") == 7.0
        again.put("COUNT", 4)
        daemon.wait_for("TRIGGER:EXECUTED", 2)
        assert daemon.get("VAL") == 4.0
        again.kill()


def test_a_master_that_was_frozen_is_heard_again(masters, master) -> None:
    with triggered(masters, pv="COUNT") as daemon:
        connected(daemon)
        assert daemon.put("CMD", "linear(0, 9, 1)")
        master.process.send_signal(signal.SIGSTOP)
        daemon.wait_for("TRIGGER:CONNECTED", "No", timeout_s=15.0)
        master.process.send_signal(signal.SIGCONT)
        connected(daemon)
        master.put("COUNT", 4)
        daemon.wait_for("VAL", 4.0)
        assert counts(daemon) == {"SEEN": 1, "EXECUTED": 1, "FAILED": 0, "MISSED": 0}


def test_at_connect_steps_on_the_value_found(masters) -> None:
    with triggered(masters, "at_connect = true", pv="COUNT") as daemon:
        assert daemon.put("CMD", "linear(0, 9, 1)")
        master = masters.start()
        daemon.wait_for("TRIGGER:EXECUTED", 1)
        assert (daemon.get("TRIGGER:INDEX"), daemon.get("VAL")) == (0, 0.0)
        master.kill()


@pytest.mark.timing
def test_no_master_at_all(masters) -> None:
    with triggered(masters) as daemon:
        assert daemon.get("TRIGGER:CONNECTED", as_string=True) == "No"
        assert daemon.alarm("TRIGGER:CONNECTED") == (COMM, INVALID)
        assert daemon.put("CMD", "[1]")
        begun_s = time.monotonic()
    assert time.monotonic() - begun_s < 8.0


def test_an_old_system_gets_the_whole_text(masters, master) -> None:
    keys = ('key = "test.server"', 'put = "Nested_Indices"', "whole = true")
    text = configuration(*keys).replace("sequence_stage:Stage", "old_system:OldSystem")
    with running_daemon(config=text, folder=DRIVERS, env=masters.env) as daemon:
        connected(daemon)
        master.put("Nested_Indices", "{'test.server': 3, 'other': 1}")
        daemon.wait_for("message", "Nested_Indices b\"{'test.server': 3, 'other': 1}\"")
