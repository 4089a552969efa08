"""A RunEngine drives systems by sswd.ophyd and sswd.ophyd_async."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.testing import Daemon, child_env, running_daemon

CLIENTS = Path(__file__).parent / "clients"
DRIVER = """\
from sswd import SequenceSystem, System


class Stage(System):
    pvs = {
        "TARGET": {"type": "float", "limits": [-10, 10], "writable": True},
        "POSITION": {"type": "float"},
        "HOME": {"type": "action"},
    }

    def on_target(self, value):
        self.io_put("POSITION", value)

    def on_home(self):
        self.io_put("POSITION", 0.0)

    def on_cmd(self, text):
        if text == "sleep":
            self.sleep(60.0)
        raise ValueError(f"{text} is no command")


class Axis(SequenceSystem):
    def move(self, value):
        self.sleep(0.01)
"""
CONFIG = """
prefix = "@"
[system.stage]
target = "driver:Stage"
prefix = "STAGE:"
[system.axis]
target = "driver:Axis"
prefix = "AXIS:"
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("bluesky")
    (folder / "driver.py").write_text(DRIVER)
    with running_daemon(config=CONFIG, folder=folder) as daemon:
        yield daemon


@pytest.mark.parametrize("library", ["ophyd", "ophyd_async"])
def test_scans_fail_truly_and_go_on(daemon: Daemon, library: str) -> None:
    client = CLIENTS / f"bluesky_{library}.py"
    done = subprocess.run(
        [sys.executable, client, daemon.prefix],
        env=child_env(daemon.env),
        capture_output=True,
        text=True,
        timeout=150.0,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["scan"] == ["success", [0.0, 1.0, 2.0]]
    status, reason, events = seen["killed"]
    assert (status, events) == ("fail", 1)
    assert "lost" in reason.lower() or "rejected" in reason.lower(), reason
    assert seen["next"] == ["success", [1.0, 2.0]]
    assert seen["home"] == 0.0
    assert "TARGET" in seen["refused"]
    assert "limits" in seen["refused"]
    assert "ABORT" in seen["aborted"]
    assert seen["fly"] == ["success", [1.0, 3.0, 5.0]]
