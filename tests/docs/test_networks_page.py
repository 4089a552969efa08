"""docs/how-to/networks.md: its commands are run on loopback, its tables are taken."""

import re
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.config import from_dict
from sswd.ioc.commands.command import CommandState
from sswd.testing import Daemon, child_env, free_port, loopback_env

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/networks.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SSWD = (sys.executable, "-m", "sswd")
PORT_TAKEN = 69
CONFIG = """\
prefix = "{prefix}"
[system.stage]
prefix = "STAGE1:"
target = "echo:Echo"
"""


def blocks(language: str) -> str:
    return "".join(text for kind, text in BLOCK.findall(PAGE) if kind == language)


LINES = [shlex.split(line) for line in blocks("sh").splitlines()]
DOCTOR, ALONE, INSTALL, METRICS = LINES


class Site:
    """A daemon that is run by the page's two commands in one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.metrics = free_port(), free_port()
        self.env = child_env(
            {
                **loopback_env(self.port),
                "EPICS_CAS_SERVER_PORT": str(self.port),
                "PYTHONPATH": str(ROOT / "tests/misbehaving"),
                "RUNTIME_DIRECTORY": str(folder / "run"),
                "STATE_DIRECTORY": str(folder / "state"),
            }
        )

    def command(self, *options: str, prefix: str) -> list[str | Path]:
        file = self.folder / f"{prefix.rstrip(':')}.toml"
        file.write_text(CONFIG.format(prefix=prefix))
        return [*SSWD, "run", *options, file]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("networks"))
    port, _, run, *alone, _ = ALONE
    assert (port, run) == ("EPICS_CAS_SERVER_PORT=6064", "run")
    _, run, metrics, address, _ = METRICS
    address = address.replace("9117", str(site.metrics))
    command = site.command(*alone, metrics, address, prefix="LAB:")
    with (site.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=site.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    daemon = Daemon(process, "LAB:STAGE1:", loopback_env(site.port), site.folder)
    try:
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=60.0)
        yield site
    finally:
        assert daemon.stop() == 0


def test_the_doctor_sees_the_pv(site: Site) -> None:
    done = subprocess.run(
        [*SSWD, *DOCTOR[1:]], env=site.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_port_of_its_own_is_not_shared(site: Site) -> None:
    command = site.command("--exclusive-port", prefix="OTHER:")
    done = subprocess.run(
        command, env=site.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == PORT_TAKEN, done.stderr
    assert f"is exit code {PORT_TAKEN}" in PAGE


def test_every_metric_of_the_page_is_served(site: Site) -> None:
    assert INSTALL == ["pip", "install", "sswd[metrics]"]
    with urllib.request.urlopen(f"http://127.0.0.1:{site.metrics}/metrics") as answer:
        told = answer.read().decode()
    names = set(re.findall(r"\b((?:sswd|process)_\w+)", PAGE))
    assert len(names) > 10
    for name in names:
        assert name in told
    states = re.search(r'state=~"([\w|]+)"', blocks("yaml"))
    assert states
    assert all(state in CommandState.__members__ for state in states[1].split("|"))


def test_the_table_for_channelfinder_is_taken() -> None:
    tables = {"system": {"stage": {"target": "echo:Echo"}}}
    config = from_dict({**tables, **tomllib.loads(blocks("toml"))}, "networks.md")
    assert config.recsync.enabled
    assert dict(config.recsync.infos)["IOCNAME"] == "stage"
