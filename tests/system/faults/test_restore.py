"""Rows 36 and 58: setpoints are on disk, and come back after any restart."""

import contextlib
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from client import Client, ca_port
from daemon import until
from systems import MISBEHAVING

from sswd.alarm import Severity
from sswd.testing import Daemon, running_daemon

_numbers = itertools.count(1)
SETPOINTS = ["SPEED 2.5", "MODE 'fast'", "TABLE [1.0, 2.0]"]


class Place:
    """A daemon that may be started again, and what it keeps."""

    def __init__(self, folder: Path) -> None:
        self.prefix = f"R{os.getpid()}-{next(_numbers)}:"
        self.state = folder / "state"
        self.file = folder / "journal"
        self.target = "Restored"

    @contextlib.contextmanager
    def served(
        self, client: Client, answer: str = "", more: str = ""
    ) -> Iterator[Daemon]:
        config = (
            f'prefix = "@"\n[system.main]\ntarget = "restores:{self.target}"\n'
            f'args = {{ journal = "{self.file}"{answer} }}\n'
            f'[state]\ndirectory = "{self.state}"\n{more}'
        )
        self.file.unlink(missing_ok=True)
        with running_daemon(
            config=config, port=ca_port(), prefix=self.prefix, folder=MISBEHAVING
        ) as daemon:
            yield daemon
        client.forget()

    @property
    def journal(self) -> list[str]:
        return self.file.read_text().splitlines()

    def saved(self) -> str:
        """The text of the newest state file."""
        files = sorted(self.state.glob("*.state"), key=lambda f: f.stat().st_mtime_ns)
        return files[-1].read_text() if files else ""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def put_all(client: Client, prefix: str) -> None:
    for pv, value in (("LOOSE", 7.0), ("TABLE", [1.0, 2.0]), ("MODE", "fast")):
        assert client.put(prefix + pv, value)
    assert client.put(prefix + "SPEED", 2.5)
    assert client.put(prefix + "NOTE", "by hand")
    assert client.put(prefix + "ASKED", 5)
    assert client.put(prefix + "CMD", "41")
    client.wait_for(prefix + "COUNT", 41)


@pytest.mark.row(36)
def test_setpoints_come_back_after_the_ioc_was_killed(
    place: Place, client: Client
) -> None:
    prefix = place.prefix
    with place.served(client) as daemon:
        put_all(client, prefix)
        until(lambda: '"COUNT"' in place.saved(), "the state on disk", 5.0)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait(5)
    with place.served(client) as daemon:
        # A thread writes the log: clients may know of RUNNING before its line is there.
        until(lambda: "STARTING -> RUNNING" in daemon.log, "the line of RUNNING")
        log = daemon.log
        assert log.index("restore: ran again") < log.index("STARTING -> RUNNING")
        assert place.journal == ["setup", *SETPOINTS, "ASKED 5"]
        assert client.get(prefix + "WORKER:RESTORED") == (
            "run 1: ran again: SPEED, MODE, TABLE, ASKED"
        )
        assert client.get(prefix + "NOTE") == "by hand"
        assert client.get(prefix + "COUNT") == 41
        assert client.get(prefix + "LOOSE") == 0.0
        assert client.get(prefix + "CMD_ID") == 4
        # A worker that is restarted has them as well.
        place.file.unlink()
        os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)
        client.wait_for(prefix + "WORKER:RUN", 2)
        client.wait_for(prefix + "WORKER:STATE", "RUNNING")
        assert place.journal == ["setup", *SETPOINTS, "ASKED 5"]


@pytest.mark.row(36)
def test_what_clients_set_of_a_motor_comes_back_too(
    place: Place, client: Client
) -> None:
    axis = place.prefix + "AXIS"
    motor = '[system.main.motors.AXIS]\nobject = "axis"\n'
    with place.served(client, more=motor) as daemon:
        client.wait_for(f"{axis}.DMOV", 1)
        for field, value in (("DIR", 1), ("OFF", 7.0), ("HLM", 9.0), ("LLM", 5.0)):
            assert client.put(f"{axis}.{field}", value)
        limits = ("[-2.0, 0.0, 0.0]", "[2.0, 0.0, 0.0]")  # of the dial
        until(lambda: all(each in place.saved() for each in limits), "the file")
        daemon.process.kill()
        daemon.process.wait(5)
    with place.served(client, more=motor) as daemon:
        client.wait_for(f"{axis}.DMOV", 1)
        client.wait_for(f"{axis}.RBV", 7.0)
        assert client.get(f"{axis}.DIR") == "Neg"
        assert client.get(axis) == 7.0, "at rest where it is"
        assert client.get(f"{axis}.HLM") == 9.0
        assert client.get(f"{axis}.LLM") == 5.0
        until(lambda: "motor AXIS: as clients had set it" in daemon.log, "words")


@pytest.mark.row(17)
def test_the_drivers_answer_wins(place: Place, client: Client) -> None:
    with place.served(client):
        put_all(client, place.prefix)  # and TERM, at once
    assert '"value": 99}' in place.saved()  # posted by close()
    with place.served(client, ", answer = 9"):
        assert place.journal == ["setup", *SETPOINTS]
        assert client.get(place.prefix + "ASKED") == 9
    assert '"pv": "ASKED"' in place.saved()
    assert '"value": 9}' in place.saved()


def test_a_setpoint_that_fails_or_kills_is_told_and_the_system_runs(
    place: Place, client: Client
) -> None:
    prefix = place.prefix
    with place.served(client):
        assert client.put(prefix + "MODE", "slow")
        assert not client.put(prefix + "SPEED", 13.0)
    with place.served(client):
        words = client.get(prefix + "WORKER:RESTORED")
        assert "SPEED: ValueError: 13 is unlucky; ran again: MODE" in words
        assert client.alarm(prefix + "WORKER:RESTORED")[0] == Severity.MAJOR
        assert client.alarm(prefix + "SPEED")[0] == Severity.MAJOR
        assert not client.put(prefix + "SPEED", 66.0)
        # It kills the first start; the second one goes without it.
        client.wait_for(prefix + "WORKER:STATE", "RUNNING")
        words = client.get(prefix + "WORKER:RESTORED")
        assert "not run again: the worker ended while it ran it" in words
        assert place.journal.count("SPEED 66.0") == 2


@pytest.mark.row(36, 58)
def test_a_directory_that_cannot_be_written_is_told_and_the_rest_goes_on(
    place: Place, client: Client
) -> None:
    prefix = place.prefix
    place.state.write_text("a file where the directory should be")
    with place.served(client) as daemon:
        assert client.put(prefix + "SPEED", 2.5)
        until(lambda: client.get(prefix + "WORKER:SAVE_ERROR"), "words")
        assert client.alarm(prefix + "WORKER:SAVE_ERROR")[0] == Severity.MAJOR
        assert client.put(prefix + "SPEED", 3.5)
        assert daemon.log.count("setpoints cannot be saved") == 1
        place.state.unlink()  # somebody mends it
        until(lambda: '"value": 3.5' in place.saved(), "the state on disk", 30.0)
        until(lambda: not client.get(prefix + "WORKER:SAVE_ERROR"), "no words")


def test_a_torn_file_is_told_and_the_one_before_is_taken(
    place: Place, client: Client
) -> None:
    prefix = place.prefix
    with place.served(client) as daemon:
        assert client.put(prefix + "SPEED", 1.5)
        until(lambda: '"value": 1.5' in place.saved(), "the first generation")
        assert client.put(prefix + "SPEED", 2.5)
        until(lambda: '"value": 2.5' in place.saved(), "the second generation")
        daemon.process.kill()
        daemon.process.wait(5)
    newest = max(place.state.glob("*.state"), key=lambda f: f.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:-20])
    with place.served(client) as daemon:
        assert place.journal == ["setup", "SPEED 1.5"]
        assert "its checksum is wrong" in client.get(prefix + "WORKER:RESTORED")
        assert "the other generation is taken" in daemon.log


def test_setpoints_wait_for_the_instrument(place: Place, client: Client) -> None:
    prefix = place.prefix
    place.target = "Away"
    switch = place.file.with_name("on")
    switch.touch()
    with place.served(client):
        assert client.put(prefix + "SPEED", 2.5)
        assert client.put(prefix + "ASKED", 5)
    switch.unlink()
    with place.served(client, ", answer = 9"):
        client.wait_for(prefix + "WORKER:LINK", "LOST")
        words = client.get(prefix + "WORKER:RESTORED")
        assert words == "run 1: the link is LOST; setpoints follow when it is OK"
        assert client.alarm(prefix + "WORKER:RESTORED")[0] == Severity.MAJOR
        assert not place.file.exists()
        switch.touch()
        client.wait_for(prefix + "WORKER:RESTORED", "run 1: ran again: SPEED")
        assert place.journal == ["setup", "SPEED 2.5"]
        assert client.alarm(prefix + "SPEED")[0] == Severity.NO_ALARM
        assert client.get(prefix + "ASKED") == 9
        assert client.put(prefix + "SPEED", 3.5)
