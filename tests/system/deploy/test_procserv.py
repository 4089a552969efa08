"""deploy/procserv/sswd-procserv as shipped, under a real procServ."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from daemon import until

from sswd.testing import Daemon, child_env, loopback_env
from tests.tools import need

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deploy/procserv/sswd-procserv"
PARKS = ROOT / "tests/misbehaving/parks.py"
START_S = 60.0
CONFIG = """
prefix = "{prefix}"
[system.main]
target = "parks:Moving"
park = "parks:park"
args.journal = "{folder}/journal"
"""
COMMANDS = b"\x11\x12\x14\x18"  # ^Q ^R ^T ^X
# 255 is telnet's: what follows it is no text.
JUNK = bytes(byte for byte in range(255, -1, -1) if byte not in COMMANDS)


class View(Daemon):
    """PVs of the sswd that procServ runs."""

    @property
    def log(self) -> str:
        with suppress(FileNotFoundError):
            return (self.folder / "stage.log").read_text(errors="replace")
        return ""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, since a unix socket's path holds 108 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="ps"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def stage(folder: Path) -> Iterator[View]:
    """A daemon that the shipped script has put under procServ."""
    procserv = need("procServ")
    config = CONFIG.format(prefix=f"PS{os.getpid()}:", folder=folder)
    (folder / "stage.toml").write_text(config)
    shutil.copy(PARKS, folder)
    ca = loopback_env()
    env = {
        **ca,
        "PROCSERV": procserv,
        "SSWD": str(Path(sys.executable).parent / "sswd"),
        "SSWD_CONSOLES": str(folder),
        "SSWD_LOGS": str(folder),
        "SSWD_HOLDOFF": "1",
        "RUNTIME_DIRECTORY": str(folder / "run"),
        "STATE_DIRECTORY": str(folder / "state"),
    }
    process = subprocess.Popen(
        [SCRIPT, folder / "stage.toml", "--foreground"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=child_env(env),
    )
    view = View(process, f"PS{os.getpid()}:", ca, folder)
    try:
        view.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)
        yield view
    finally:
        with suppress(psutil.NoSuchProcess):
            daemon = psutil.Process(ioc(folder))
            process.terminate()
            daemon.wait(20.0)  # procServ does not wait for it
        process.wait(20.0)


def ioc(folder: Path) -> int:
    """The pid of the daemon, as its lock has it."""
    (lock,) = (folder / "run").glob("*.lock")
    until(lambda: bool(lock.read_text()), "the pid in the lock")  # it is written anew
    return int(lock.read_text() or 0)


def rotate(folder: Path) -> Path:
    """As logrotate does with the shipped file; the log that was renamed."""
    old = (folder / "stage.log").rename(folder / "stage.log.1")
    subprocess.run(["sh", "-euc", rotation(folder)], check=True, timeout=START_S)
    return old


def rotation(folder: Path) -> str:
    """What logrotate runs, as root, after it has renamed; here as who runs the test."""
    (rules,) = (ROOT / "deploy/procserv").glob("*.logrotate")
    script = rules.read_text().split("postrotate\n")[1].split("endscript")[0]
    script = script.replace("/run/sswd", str(folder))
    as_user, command, rest = script.partition("sh -euc '")
    assert as_user.endswith("runuser -u sswd -- "), "nothing of it as root"
    assert rest.count("'") == 1
    return as_user.removesuffix("runuser -u sswd -- ") + command + rest


def test_a_rotation_signals_processes_of_procserv_only(folder: Path) -> None:
    """Any driver can write info files, and a killed procServ leaves its own behind."""
    named = folder / "procServ"
    named.symlink_to(shutil.which("sleep") or "")
    with (
        subprocess.Popen([named, "600"]) as asked,
        subprocess.Popen(["sleep", "600"]) as other,
    ):
        try:
            pids = {"a": "-1", "b": "0", "c": f"{other.pid} {asked.pid}", "d": "none"}
            pids |= {"e": f"-{other.pid}", "f": "999999999", "g": other.pid}
            for name, pid in pids.items():
                (folder / f"{name}.info").write_text(f"pid:{pid}\n")
            os.mkfifo(folder / "h.info")
            script = rotation(folder).replace("kill -HUP", "echo")
            command = ["sh", "-euc", script]
            assert subprocess.check_output(command, timeout=START_S) == b""
            (folder / "i.info").write_text(f"pid:{asked.pid}\nppid:1\n")
            told = subprocess.check_output(command, text=True, timeout=START_S)
            assert told == f"{asked.pid}\n"
        finally:
            asked.kill()
            other.kill()


@pytest.mark.timeout(240)
def test_consoles_reload_restart_and_kill(stage: View, folder: Path) -> None:
    journal = folder / "journal"
    first = ioc(folder)
    with (
        socket.socket(socket.AF_UNIX) as control,
        socket.socket(socket.AF_UNIX) as console,
    ):
        control.connect(str(folder / "stage.control"))
        console.connect(str(folder / "stage.console"))
        # A console is for looking: nothing that is typed reaches the daemon.
        console.sendall(b"\x18" + 4 * JUNK)
        control.sendall(50 * JUNK)
        env = child_env({"RUNTIME_DIRECTORY": str(folder / "run")})
        reload = [sys.executable, "-m", "sswd", "reload"]
        subprocess.run(reload, check=True, env=env, timeout=START_S)
        stage.wait_for("WORKER:RUN", 2, timeout_s=START_S)
        assert ioc(folder) == first, "a reload is for the worker alone"
        seen = b""
        console.settimeout(30.0)
        while b"RELOAD" not in seen:
            seen += console.recv(65536)

        control.sendall(b"\x18")
        until(lambda: ioc(folder) != first, "the restart by ^X", START_S)
    stage.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)
    closed = ["setup", "close", "setup", "close", "setup"]
    assert journal.read_text().splitlines() == closed, "^X is an orderly stop"

    old = rotate(folder)
    until((folder / "stage.log").exists, "procServ's log, anew", START_S)
    assert "worker STARTING -> RUNNING" in old.read_text()
    second = ioc(folder)
    assert stage.get("WORKER:RUN") == 1, "neither daemon nor worker was restarted"
    os.kill(second, signal.SIGKILL)
    until(lambda: ioc(folder) != second, "the restart", START_S)
    stage.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)
    assert "worker STARTING -> RUNNING" in stage.log, "written to the new file"
    parked = ["park begins", "park ends", "setup"]
    assert journal.read_text().splitlines() == closed + parked
