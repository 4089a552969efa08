"""The files that tell the next daemon that this one was killed."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sswd.config import from_dict
from sswd.config.keys import Config
from sswd.guard import VARIABLE
from sswd.ioc import Server
from sswd.ioc.daemon.park_marks import ParkMarks


def config(folder: Path) -> Config:
    systems = {
        "stage": {"target": "a:B", "prefix": "S:", "park": "a:park"},
        "other": {"target": "a:B", "prefix": "O:"},
    }
    return from_dict(
        {"prefix": "P:", "state": {"directory": str(folder)}, "system": systems}, "test"
    )


def test_a_daemon_that_was_killed_leaves_the_mark(tmp_path: Path) -> None:
    first = ParkMarks(config(tmp_path), tmp_path)
    assert first.left == frozenset()
    first.begin()
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = ParkMarks(config(tmp_path), tmp_path)
    assert second.left == {"stage"}, "a system without a routine has nothing to park"
    second.begin()
    second.in_order("stage")
    second.in_order("other")
    assert ParkMarks(config(tmp_path), tmp_path).left == frozenset()


def test_what_lives_of_the_daemon_before_is_ended_first(tmp_path: Path) -> None:
    mark = "77-0123abcd"
    env = {**os.environ, VARIABLE: f"{mark}:1:stage"}
    with subprocess.Popen([sys.executable, "-c", "input()"], env=env, stdin=-1) as left:
        try:
            ParkMarks(config(tmp_path), tmp_path).begin()
            (file,) = tmp_path.iterdir()
            file.write_text(mark + "\n")
            assert ParkMarks(config(tmp_path), tmp_path).left == {"stage"}
            assert left.wait(10.0) < 0
        finally:
            left.kill()


async def test_a_start_that_failed_before_the_workers_leaves_the_mark() -> None:
    server = Server("S:")
    assert await server.close(), "nothing was served, nothing is to be parked"
    server.is_unparked = True  # compose() says it; a taken port ends such a start
    assert not await server.close(), "the hardware was never parked"


@pytest.mark.parametrize("text", ["", "*", "1:2", "77-0123abcd:1:stage"])
def test_nobody_is_ended_for_what_is_no_mark(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ParkMarks(config(tmp_path), tmp_path).begin()
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    ended: list[object] = []
    monkeypatch.setattr("sswd.guard.end_left", ended.append)
    assert ParkMarks(config(tmp_path), tmp_path).left == {"stage"}
    assert ended == []


def test_a_directory_that_cannot_be_written_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    ParkMarks(config(tmp_path / "file"), tmp_path).begin()
    assert "will not know that it has to park" in caplog.text
