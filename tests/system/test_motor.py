"""Clients that people have drive a stage as a motor record, lose it, and go on."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sswd.testing import Daemon, child_env, free_port, loopback_env, running_daemon

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "motor"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def daemon(port: int) -> Iterator[Daemon]:
    text = (EXAMPLE / "slit.toml").read_text().replace('"SLIT:"', '"@"')
    with running_daemon(config=text, folder=EXAMPLE, port=port) as made:
        yield made


def seen_by(daemon: Daemon, port: int, client: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, HERE / "clients" / f"motor_{client}.py", daemon.prefix],
        env=child_env(loopback_env(port)),
        capture_output=True,
        text=True,
        timeout=120.0,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:] + daemon.log[-3000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def test_pyepics(daemon: Daemon, port: int) -> None:
    seen = seen_by(daemon, port, "pyepics")
    assert seen == {
        "moved": [0, 1.0],
        "outside": [-12, -4],  # refused by pyepics; then by us, with .LVIO
        "replaced": [0.5, 0],
        "stopped": [True, 1],
        "tweaked": [0, -0.25],
        "set_to": [7.0, True],
        "lost": [0, "COMM"],
        "back": [1, 2, "lost:"],
        "again": [0, 0],
    }


def test_ophyd(daemon: Daemon, port: int) -> None:
    seen = seen_by(daemon, port, "ophyd")
    assert seen == {
        "moved": [1.0, [-20.0, 20.0], "mm", 3],
        "outside": "LimitError",
        "stopped": "UnknownStatusFailure",
        "stopped_by_another": "UnknownStatusFailure",
        "at": 1.5,
        "set_to": 4.0,
        "home": "done",
        "killed": "UnknownStatusFailure",
        "again": 0.0,
    }


def test_ophyd_async(daemon: Daemon, port: int) -> None:
    """It takes a put that failed for one that ended: aioca's CANothing is lost in it.
    The alarm and .DMOV tell the truth."""
    seen = seen_by(daemon, port, "ophyd_async")
    assert seen == {
        "moved": [1.0, "mm"],
        "outside": "MotorLimitsError",
        "stopped": "RuntimeError",
        "flown": True,
        "killed": "done",
        "done_after_kill": 0,
        "again": 0.0,
    }


def test_bluesky(daemon: Daemon, port: int) -> None:
    seen = seen_by(daemon, port, "bluesky")
    assert seen["ends"] == [
        ["success", [[0.0], [0.5], [1.0]]],
        ["success", [[0.5], [1.0], [1.5]]],
        ["success", [[0.0, 0.0], [0.0, 0.5], [0.5, 0.0], [0.5, 0.5]]],
        ["abort", []],
        ["fail", []],
        ["success", [[0.0], [0.2]]],
    ]
    assert seen["aborted_at"]
    assert seen["killed"] == "FailedStatus"
