"""The scripts of deploy/container in namespaces as a container has them.

Process 1 in a process namespace of its own, with a user id that nobody knows. An engine
for containers is not needed, and not tested.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sswd.testing import Daemon, child_env, loopback_env
from tests.tools import need

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "deploy/container/ioc"
PARKS = ROOT / "tests/misbehaving/parks.py"
START_S = 60.0
UID = 12345
NAMESPACES = ("--user", f"--map-user={UID}", "--map-group=0", "--pid", "--fork")
CONFIG = """
prefix = "${IOC_PREFIX}"
[system.main]
target = "driver:Stubborn"
park = "parks:park"
args.journal = "JOURNAL"
[system.main.pvs.LEVEL]
type = "float"
writable = true
restore = true
"""
DRIVER = """
import subprocess, time
from sswd import System

class Stubborn(System):
    def __init__(self, journal):
        pass
    def on_CMD(self, text):
        time.sleep(float(text))
    def on_LEVEL(self, value):
        pass
    def close(self):
        time.sleep(3600)
"""


class View(Daemon):
    """The PVs, and the log as the engine would keep it."""

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


class Pod:
    """One container: its process 1, and programs that are run in it."""

    def __init__(self, folder: Path) -> None:
        unshare = need("unshare")
        probe = [unshare, *NAMESPACES, "--mount-proc", "true"]
        if subprocess.run(probe, capture_output=True).returncode:
            pytest.skip("this host permits no namespaces to this user")
        self.folder = folder
        self.ioc_folder = folder / "epics/ioc"
        shutil.copytree(SCRIPTS, self.ioc_folder)
        config = self.ioc_folder / "config"
        config.mkdir()
        journal = str(folder / "journal")
        (config / "ioc.toml").write_text(CONFIG.replace("JOURNAL", journal))
        (config / "driver.py").write_text(DRIVER)
        shutil.copy(PARKS, config)
        prefix = f"POD{os.getpid()}:"
        ca = loopback_env()
        self._env = child_env(
            {
                **ca,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "IOC_PREFIX": prefix,
                "HOME": str(folder),
                "STATE_DIRECTORY": str(folder / "autosave"),
                "RUNTIME_DIRECTORY": str(folder / "run"),
            }
        )
        start = f"{self.ioc_folder}/start.sh"
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    unshare,
                    *NAMESPACES,
                    "--mount-proc",
                    "--kill-child",
                    "bash",
                    "-c",
                    start,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
            )
        self.pvs = View(self.process, prefix, ca, folder)
        self.pvs.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)
        (self.one,) = psutil.Process(self.process.pid).children()

    def run(self, script: str) -> int:
        """Run one of the scripts in the container, as the kubelet does."""
        inside = [need("nsenter"), f"--target={self.one.pid}", "--user", "--pid"]
        inside += ["--mount", "--preserve-credentials", "--"]
        done = subprocess.run(
            [*inside, "bash", str(self.ioc_folder / script)],
            env=self._env,
            capture_output=True,
            timeout=START_S,
        )
        return done.returncode

    def close(self) -> None:
        """Kill what is left: process 1 takes all others along."""
        self.process.kill()
        self.process.wait(20.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pod")


@pytest.fixture(scope="module")
def pod(folder: Path) -> Iterator[Pod]:
    pod = Pod(folder)
    yield pod
    pod.close()


def test_the_ioc_is_process_1_of_nobody(pod: Pod) -> None:
    status = Path(f"/proc/{pod.one.pid}/status").read_text()
    assert "\t1\n" in next(x + "\n" for x in status.splitlines() if "NSpid" in x)
    assert "sswd" in " ".join(pod.one.cmdline())
    assert "Traceback" not in pod.pvs.log


def test_liveness_is_the_iocs_and_never_the_workers(pod: Pod) -> None:
    assert pod.run("liveness.sh") == 0
    with pod.pvs.hung_worker():
        assert pod.run("liveness.sh") == 0
    pod.pvs.put("WORKER:STOP", 1)
    pod.pvs.wait_for("WORKER:STATE", "STOPPING")
    assert pod.run("liveness.sh") == 0
    pod.one.send_signal(signal.SIGSTOP)
    try:
        assert pod.run("liveness.sh") != 0
    finally:
        pod.one.send_signal(signal.SIGCONT)
    assert pod.run("liveness.sh") == 0
    pod.pvs.put("WORKER:START", 1)
    pod.pvs.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)


@pytest.mark.timing
def test_the_stop_fits_into_the_grace_of_the_pod(pod: Pod) -> None:
    """close() hangs; the hardware is parked and the setpoint saved all the same."""
    assert pod.pvs.put("LEVEL", 4.5)
    (pod.folder / "journal").write_text("")
    begun_s = time.monotonic()
    # The script may be killed at its end: nothing in a container outlives process 1.
    assert pod.run("stop.sh") in (0, -signal.SIGKILL)
    assert pod.process.wait(20.0) == 0
    assert time.monotonic() - begun_s < 3.0
    assert (pod.folder / "journal").read_text() == "park begins\npark ends\n"
    saved = list((pod.folder / "autosave").glob("*"))
    assert any("4.5" in file.read_text() for file in saved if file.is_file())
    assert not any(file.suffix == ".unparked" for file in saved)


@pytest.mark.parametrize("files", [0, 2])
def test_no_single_configuration_is_refused_in_words(
    tmp_path: Path, files: int
) -> None:
    shutil.copy(SCRIPTS / "start.sh", tmp_path)
    (tmp_path / "config").mkdir()
    for number in range(files):
        (tmp_path / f"config/{number}.toml").touch()
    done = subprocess.run(
        ["bash", tmp_path / "start.sh"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 78
    assert f"{files} TOML files" in done.stderr


def test_who_is_not_there_need_not_be_stopped() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    env = child_env({"SSWD_PID": str(gone.pid)})
    subprocess.run(["bash", SCRIPTS / "stop.sh"], env=env, check=True, timeout=30)


def test_a_busy_node_makes_the_grace_no_longer(tmp_path: Path) -> None:
    """Each sleep of the script lasts six times as long as it says."""
    slow = tmp_path / "sleep"
    slow.write_text(f"#!/bin/sh\necho >> {tmp_path}/sleeps\nexec {need('sleep')} 0.3\n")
    slow.chmod(0o755)
    stubborn = subprocess.Popen(
        ["bash", "-c", "trap '' TERM; echo; read -r"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert stubborn.stdout
        stubborn.stdout.readline()  # from here on it ignores TERM
        path = f"{tmp_path}:{os.environ['PATH']}"
        given = {"SSWD_PID": str(stubborn.pid), "SSWD_GRACE_MS": "1000", "PATH": path}
        begun_s = time.monotonic()
        stop = ["bash", SCRIPTS / "stop.sh"]
        subprocess.run(stop, env=child_env(given), check=True, timeout=30)
        assert time.monotonic() - begun_s > 0.7  # a tick of /proc/uptime aside
        assert stubborn.poll() is None
        # 0.8 s are three of them; sixteen when each is taken for 0.05 s.
        assert len((tmp_path / "sleeps").read_text()) <= 3
    finally:
        stubborn.kill()
        stubborn.communicate()
