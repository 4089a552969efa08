"""docs/how-to/tell-the-truth-about-your-instrument.md: every block does what it says.

The first is the beginning of examples/readbacks/cryostat.py, which test_examples.py
runs with its simulator; the others are run here.
"""

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from sswd.config import load
from sswd.testing import child_env, loopback_env
from sswd.testing.loopback import free_port
from sswd.worker.system import System

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/tell-the-truth-about-your-instrument.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(PAGE.read_text()) if kind == language]


def test_the_driver_is_the_one_of_the_example() -> None:
    driver = (ROOT / "examples/readbacks/cryostat.py").read_text()
    assert driver.startswith(blocks("python")[0])


@contextlib.contextmanager
def started(line: str, folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen]:
    """A program of the page, until the block ends."""
    program, *words = shlex.split(line)
    command = [sys.executable, *(["-m", "sswd"] if program == "sswd" else [])]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*command, *words], cwd=folder, env=env, stdin=pipe, stdout=pipe, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.timeout(120)
def test_the_commands_show_a_link_that_is_lost(tmp_path: Path) -> None:
    """Monitored as the page says; then the simulator is ended."""
    folder, port = tmp_path / "readbacks", str(free_port())
    shutil.copytree(ROOT / "examples/readbacks", folder)
    config = folder / "cryostat.toml"
    config.write_text(config.read_text().replace("5030", port))
    own = {"RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    env = child_env({**loopback_env(), **own, "PYTHONUNBUFFERED": "1"})
    (commands,) = blocks("sh")
    simulate, serve, watch = commands.replace("5030", port).splitlines()

    with (
        started(simulate, folder, env) as simulator,
        started(serve, folder, env),
        started(f"{watch} --wait 30", folder, env) as monitor,
    ):
        assert monitor.stdout is not None
        wait_for(monitor.stdout, "TEMPERATURE.SEVR", "NO_ALARM")
        simulator.terminate()
        wait_for(monitor.stdout, "TEMPERATURE.SEVR", "INVALID")
        wait_for(monitor.stdout, "WORKER:LINK ", "LOST")


def wait_for(lines: IO[str], pv: str, word: str) -> None:
    """Read until a line tells that the PV is so."""
    for line in lines:
        if pv in line and word in line:
            return
    raise AssertionError(f"never seen: {pv} {word}")


def test_the_configuration_is_one(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    file = tmp_path / "camera.toml"
    file.write_text(f'prefix = "CAM:"\n{text}')
    camera = load(file).system["camera"]
    assert (camera.on_link_lost, camera.link_failures) == ("restart", 3)


class Services:
    """Notes what is posted."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def post(self, updates: dict[str, Any]) -> None:
        self.said += updates.items()

    def post_alarm(self, pv: str, alarm: Any) -> None:
        self.said.append((pv, alarm))


def test_what_a_driver_says_itself() -> None:
    system = System()
    system._services = services = Services()  # type: ignore[assignment]
    exec(blocks("python")[1], {"self": system})
    assert [pv for pv, _ in services.said] == ["PRESSURE"] * 3
