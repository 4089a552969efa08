"""docs/tutorials/own-stage.md: its stage is served as the page says, cut and healed."""

import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd import cli, config
from sswd.testing import free_port, running_daemon

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "own-stage.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    driver, controller, _scan = blocks("python")
    (tmp_path / "acme.py").write_text(driver)
    (tmp_path / "controller.py").write_text(controller)
    return tmp_path


@pytest.fixture
def port(here: Path) -> Iterator[int]:
    """A port, and what may run there; `controller` starts it."""
    made = free_port()
    yield made
    for process in _started:
        process.kill()
        process.wait(10.0)
    _started.clear()


_started: list["subprocess.Popen[bytes]"] = []


def controller(port: int) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "controller.py", str(port)])
    _started.append(process)
    return process


def test_init_writes_what_the_page_shows(here: Path) -> None:
    assert cli.main(["init", "--from", "acme.py:AcmeStage"]) == 0
    written = (here / "acme.toml").read_text()
    [shown] = blocks("toml")
    for line in filter(None, shown.splitlines()):
        assert line in written.replace("# ", "")
    assert tomllib.loads(written)["system"]["acme"]["motors"] == {
        "MOTOR": {"object": "self"}
    }
    assert (here / "deploy" / "acme.conf").exists()
    config.from_dict(tomllib.loads(shown), "acme.toml")


def test_it_moves_is_cut_and_heals(here: Path, port: int) -> None:
    [shown] = blocks("toml")
    text = shown.replace('"ACME:"', '"@"').replace("5099", str(port))
    first = controller(port)
    with running_daemon(config=text, folder=here) as daemon:
        daemon.wait_for("WORKER:LINK", "OK", timeout_s=30.0)
        daemon.wait_for("MOTOR.HLM", 30.0)
        assert daemon.put("MOTOR", 0.5)
        assert daemon.get("MOTOR.RBV") == 0.5
        assert not daemon.put("MOTOR", 500.0)
        words = daemon.get("CMD_ERROR")
        assert words == "rejected: 500 is outside the limits -30 to 30"
        assert words.removeprefix("rejected: ") in PAGE.read_text()
        first.send_signal(signal.SIGKILL)
        daemon.wait_for("MOTOR.SEVR", "INVALID")
        daemon.wait_for("WORKER:LINK", "LOST")
        assert not daemon.put("MOTOR", 1.0)
        controller(port)
        daemon.wait_for("WORKER:LINK", "OK", timeout_s=30.0)
        daemon.wait_for("MOTOR.SEVR", lambda severity: severity != "INVALID")
        assert daemon.put("MOTOR", 1.0)
