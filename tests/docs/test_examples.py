"""Every example runs as it is shipped, and does what its text says."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from sswd.testing import Daemon, child_env, loopback_env
from sswd.testing.loopback import free_port

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextlib.contextmanager
def running(
    folder: Path, prefix: str, *command: str | Path, cwd: Path | None = None
) -> Iterator[Daemon]:
    """An IOC started by `command`, with its worker RUNNING, until the block ends."""
    ca = loopback_env()
    own = {"RUNTIME_DIRECTORY": str(folder), "STATE_DIRECTORY": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=child_env({**ca, **own}),
            cwd=cwd,
        )
    daemon = Daemon(process, prefix, ca, folder)
    try:
        yield daemon
    finally:
        process.kill()
        process.wait()


def end(daemon: Daemon, number: signal.Signals) -> int:
    """Send a signal; the exit code, after a look that nothing is left behind."""
    family = psutil.Process(daemon.pid).children(recursive=True)
    assert family
    code = daemon.stop(number)
    assert not psutil.wait_procs(family, timeout=3.0)[1]
    return code


@contextlib.contextmanager
def serving(name: str, folder: Path, prefix: str) -> Iterator[Daemon]:
    with running(folder, prefix, "-m", "sswd", "run", EXAMPLES / name) as daemon:
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
        yield daemon
        assert end(daemon, signal.SIGTERM) == 0


def test_quickstart(tmp_path: Path) -> None:
    with serving("quickstart/stage.toml", tmp_path, "LAB:") as daemon:
        assert daemon.put("TARGET", 1.25)
        assert daemon.get("POSITION") == 1.25
        assert daemon.put("CMD", "0 0.5 2")
        assert list(daemon.get("values")) == [0.0, 0.5, 2.0]
        assert daemon.get("ACK") == "1"
        assert not daemon.put("CMD", "up")
        assert "could not convert" in daemon.get("CMD_ERROR")
        assert not daemon.put("TARGET", 51.0)


@contextlib.contextmanager
def simulator(folder: Path, port: int) -> Iterator[None]:
    """The cryostat's power is on in the block."""
    with subprocess.Popen(
        [sys.executable, folder / "simulator.py", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"on\n"
            yield
        finally:
            process.kill()


@pytest.fixture
def cryostat(tmp_path: Path) -> tuple[Path, int]:
    """The example in a folder of its own, with a port of its own."""
    folder, port = tmp_path / "readbacks", free_port()
    shutil.copytree(EXAMPLES / "readbacks", folder)
    config = folder / "cryostat.toml"
    config.write_text(config.read_text().replace("5030", str(port)))
    return folder, port


def test_readbacks(tmp_path: Path, cryostat: tuple[Path, int]) -> None:
    folder, port = cryostat
    config = folder / "cryostat.toml"
    with running(tmp_path, "CRYO:", "-m", "sswd", "run", config) as daemon:
        with simulator(folder, port):
            daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
            daemon.wait_for("WORKER:LINK", "OK", timeout_s=20.0)
            assert daemon.put("SETPOINT", 250.0)
            daemon.wait_for("TEMPERATURE", lambda kelvin: kelvin < 299.0)
            done = daemon.put("CMD", "wait 5", timeout_s=20.0)
            assert done, daemon.get("CMD_ERROR")
            assert abs(daemon.get("TEMPERATURE") - 250.0) <= 5.0
            daemon.wait_for("LEVEL", lambda percent: 0 < percent <= 80.0)
            run = daemon.get("WORKER:RUN")
        daemon.wait_for("WORKER:LINK", "LOST", timeout_s=10.0)
        assert daemon.alarm("TEMPERATURE")[1] == 3
        assert not daemon.put("SETPOINT", 200.0)
        with simulator(folder, port):
            daemon.wait_for("WORKER:LINK", "OK", timeout_s=30.0)
            daemon.wait_for("TEMPERATURE", lambda kelvin: kelvin < 260.0)
            assert daemon.get("WORKER:RUN") == run
        assert end(daemon, signal.SIGTERM) == 0


def test_image(tmp_path: Path) -> None:
    with serving("image/camera.toml", tmp_path, "CAM:") as daemon:
        assert daemon.put("CMD", "expose 3")
        assert daemon.get("FRAME") == 3
        height, width = daemon.get("HEIGHT"), daemon.get("WIDTH")
        # The client of sswd.testing takes CHAR for text; an image is bytes.
        data = daemon.get("IMAGE").encode("utf-8", "surrogateescape")
        image = np.frombuffer(data.ljust(width * height, b"\0"), np.uint8)
        row, column = np.unravel_index(image.argmax(), (height, width))
        assert abs(row - height // 2) <= 1
        assert column > width // 2, "the spot has moved to the right"


@pytest.mark.parametrize("how", ["daemon", "script"])
def test_own_group(tmp_path: Path, how: str) -> None:
    folder = EXAMPLES / "own_group"
    command: tuple[str | Path, ...] = ("-m", "sswd", "run", folder / "stage.toml")
    if how == "script":
        command = (folder / "script.py", "--prefix", "LAB:")
    with running(tmp_path, "LAB:", *command, cwd=folder) as daemon:
        daemon.wait_for("seq:WORKER:STATE", "RUNNING", timeout_s=20.0)
        assert daemon.put("seq:CMD", "[1, 2, 3]")
        assert list(daemon.get("seq:values")) == [1.0, 2.0, 3.0]
        assert daemon.get("seq:ACK") == "1"

        assert daemon.put("SPEED", 2.5)
        assert daemon.get("seq:message") == "the speed is 2.5 mm/s"
        assert (daemon.get("SPEED"), daemon.get("COUNT")) == (2.5, 1)
        assert (daemon.get("SPEED.RTYP"), daemon.get("SPEED.EGU")) == ("ao", "mm/s")
        assert daemon.get("seq:CMD_TIME.EGU") == "s"

        assert daemon.put("HOME", 1)
        assert float(daemon.get("seq:values")) == 0.0

        pid = daemon.get("seq:WORKER:PID")
        os.kill(pid, signal.SIGKILL)
        daemon.wait_for("seq:WORKER:RUN", 2, timeout_s=20.0)
        daemon.wait_for("seq:WORKER:STATE", "RUNNING", timeout_s=20.0)
        assert daemon.put("seq:CMD", "[4]")
        assert end(daemon, signal.SIGINT) == 0


def test_a_script_that_is_terminated_leaves_no_worker(tmp_path: Path) -> None:
    folder = EXAMPLES / "own_group"
    script = (folder / "script.py", "--prefix", "LAB:")
    with running(tmp_path, "LAB:", *script, cwd=folder) as daemon:
        daemon.wait_for("seq:WORKER:STATE", "RUNNING", timeout_s=20.0)
        # caproto's run() dies of it without calling its shutdown hooks.
        assert end(daemon, signal.SIGTERM) == -signal.SIGTERM


def test_the_readme_shows_the_quickstart() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text()
    for name in ("stage.py", "stage.toml"):
        assert (EXAMPLES / "quickstart" / name).read_text() in readme


def test_motor(tmp_path: Path) -> None:
    """The stages, and a pseudo-motor that moves both."""
    with serving("motor/slit.toml", tmp_path, "SLIT:") as daemon:
        daemon.wait_for("GAP.DMOV", 1)
        assert daemon.put("GAP", 1.0, timeout_s=20.0)
        assert daemon.get("GAP.RBV") == 1.0
        assert [daemon.get(f"{pv}.RBV") for pv in ("LEFT", "RIGHT")] == [-0.5, 0.5]
        assert daemon.put("CENTRE", 0.25, timeout_s=20.0)
        assert [daemon.get(f"{pv}.RBV") for pv in ("LEFT", "RIGHT")] == [-0.25, 0.75]
        assert daemon.get("GAP.RBV") == 1.0
        assert not daemon.put("GAP", 41.0)
        assert "outside the limits 0 to 40" in daemon.get("CMD_ERROR")
