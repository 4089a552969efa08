"""A daemon that was killed could not park the hardware: the next one does."""

import os
import signal
from pathlib import Path

import pytest
from client import Client
from daemon import until
from served import served

pytestmark = pytest.mark.row(16)

CONFIG = """
prefix = "UNPARKED:"
[state]
directory = "{folder}/state"
[system.main]
target = "parks:Moving"
park = "parks:{routine}"
args.journal = "{folder}/journal"
"""


@pytest.mark.parametrize("routine", ["park", "fail"])
def test_the_next_daemon_parks_before_setup(
    client: Client, tmp_path: Path, routine: str
) -> None:
    journal = tmp_path / "journal"
    config = CONFIG.format(folder=tmp_path, routine=routine)
    with served(config, client, systems=()) as daemon:
        until(journal.exists, "setup", 60.0)
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait()
    journal.write_text("killed\n")
    with served(config, client) as daemon:
        assert "was killed: its park routine runs" in daemon.log
    parked = ["park begins"] + (["park ends"] if routine == "park" else [])
    assert journal.read_text().splitlines() == ["killed", *parked, "setup", "close"]
    assert not list((tmp_path / "state").glob("*.unparked"))
