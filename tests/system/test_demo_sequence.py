"""`sswd demo --sequence` as a new user meets it: the commands that it prints."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import assert_gone, family, until

from sswd.testing import CaClient

BIN = Path(sys.executable).parent
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("EPICS_CA")}


class Demo:
    """A running demo, in a process group of its own as in a terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / "out").open("wb") as out, (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [BIN / "sswd", "demo", "--sequence"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env={**CLEAN, "RUNTIME_DIRECTORY": str(folder / "run")},
                process_group=0,
            )
        until(lambda: "Ctrl-C ends everything" in self.words, "its words", 20.0)
        hosts = re.search(r'ADDR_LIST="([^"]+)"', self.words)
        assert hosts, self.words
        env = {"EPICS_CA_ADDR_LIST": hosts[1], "EPICS_CA_AUTO_ADDR_LIST": "NO"}
        self.master = CaClient("MASTER:", env)
        self.servers = [CaClient(f"DEMO:{n}:", env) for n in ("STAGE", "LASER")]

    @property
    def words(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def printed(self, *words: str) -> str:
        """The command that it prints with these words; run as a user would."""
        lines = [line.strip() for line in self.words.splitlines()]
        [line] = [n for n in lines if all(word in n for word in words)]
        exports = [n for n in lines if n.startswith("export ")]
        exports.append(f"export PATH={BIN}:$PATH")
        done = subprocess.run(
            ["bash", "-c", "; ".join([*exports, line])],
            capture_output=True,
            text=True,
            env=CLEAN,
            timeout=30,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            os.killpg(demo.process.pid, signal.SIGKILL)
        demo.process.wait(15)


def test_the_printed_commands_scan_through_a_death(demo: Demo) -> None:
    for server in demo.servers:
        server.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
    stage, laser = demo.servers
    demo.printed("STAGE:CMD_PREVIEW")
    assert stage.get("CMD_PREVIEW").startswith("6 points: 0, 2, 4")
    demo.printed("STAGE:CMD ")
    demo.printed("LASER:CMD ")
    for server in demo.servers:
        server.wait_for("ACK", "1")

    demo.master.wait_for("STATE", "IDLE")
    until(lambda: "laser: connected" in demo.log, "the master's circuits")
    demo.master.wait_for("START", lambda _: "RUNNING" in started(demo))
    demo.master.wait_for("DONE", lambda done: done > 2)
    stage.wait_for("READY", "NOT READY")  # on its way to the next position
    demo.printed("kill -9")
    demo.master.wait_for("STATE", "DONE", timeout_s=30.0)
    assert demo.master.get("DONE") == demo.master.get("TOTAL") == 84
    assert demo.master.get("RESENT") in (0, 1), "0: killed between two moves"
    assert stage.get("WORKER:RUN") == 2
    assert (stage.get("VAL"), laser.get("VAL")) == (10.0, 1000.0)
    assert "DONE" in demo.printed("sswd get", "RESENT")


def started(demo: Demo) -> str:
    """START, again until every PV of every server is connected."""
    demo.printed("MASTER:START")
    return str(demo.master.get("STATE", as_string=True))


def test_ctrl_c_ends_everything_without_noise(demo: Demo) -> None:
    demo.servers[1].wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
    until(lambda: "laser: connected" in demo.log, "the master's circuits")
    processes = family(demo.process.pid)
    assert any("sswd.master" in " ".join(p.cmdline()) for p in processes)
    os.killpg(demo.process.pid, signal.SIGINT)
    assert demo.process.wait(15) == 0
    assert_gone(processes)
    assert "Traceback" not in demo.log
    assert "ERROR" not in demo.log


def test_kill_9_leaves_nothing(demo: Demo) -> None:
    until(lambda: "TCP port" in demo.log, "Channel Access", 20.0)
    processes = family(demo.process.pid)
    demo.process.kill()
    demo.process.wait()
    assert_gone(processes)
