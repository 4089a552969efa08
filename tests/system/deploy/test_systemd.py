"""The unit of deploy/systemd, by systemd's own judgement; and what it is told."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from sswd.testing import running_daemon
from tests.tools import need

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "deploy/systemd/sswd@.service"
MISBEHAVING = ROOT / "tests/misbehaving"
OPENINGS = re.compile(r"^# ---- Openings.*?^# ---- ", re.MULTILINE | re.DOTALL)
OPENING = re.compile(r"^#(?=[A-Z]\w+=)", re.MULTILINE)
WORST = 4.0


def opened(text: str) -> str:
    """The unit with all openings for hardware at once."""
    return OPENINGS.sub(lambda found: OPENING.sub("", found[0]), text)


def variants() -> dict[str, str]:
    shipped = UNIT.read_text()
    return {"as shipped": shipped, "with every opening": opened(shipped)}


@pytest.mark.parametrize("variant", variants())
def test_systemd_finds_nothing_wrong_and_it_is_safe(
    tmp_path: Path, variant: str
) -> None:
    analyze = need("systemd-analyze")
    text = variants()[variant].replace("/opt/sswd/bin/sswd", "/bin/true")
    (tmp_path / "sswd@.service").write_text(text)
    unit = tmp_path / "sswd@stage.service"
    unit.write_text(text)  # an instance, so that nothing is left for %i
    verified = subprocess.run(
        [analyze, "verify", "--man=no", unit], capture_output=True, text=True
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        [analyze, "security", "--no-pager", "--offline=yes", unit],
        capture_output=True,
        text=True,
    )
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure, judged.stdout + judged.stderr
    assert float(exposure[1]) < WORST


def test_every_kind_of_device_has_an_opening() -> None:
    (found,) = OPENINGS.findall(UNIT.read_text())
    for word in ("Serial", "USB", "GPIB", "Raw network"):
        assert word in found
    assert len(OPENING.findall(found)) > 10


def test_ready_watchdog_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60.0)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "150000"}
        with running_daemon(
            "echo:Echo", folder=MISBEHAVING, env=env, ready=False
        ) as daemon:
            assert systemd.recv(4096) == b"READY=1"
            daemon.get("WORKER:STATE")  # it answers indeed
            words = {b"WATCHDOG=1"}
            while words != {b"STATUS=1 system: 1 RUNNING"}:
                words = {*systemd.recv(4096).split(b"\n")} - {b"WATCHDOG=1"}
            worker = Path(f"/proc/{daemon.get('WORKER:PID')}/environ").read_bytes()
            assert b"NOTIFY_SOCKET" not in worker

            os.kill(daemon.pid, signal.SIGSTOP)
            try:
                # Six times the time between two feeds; what was sent before is read.
                systemd.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    while True:
                        systemd.recv(4096)
            finally:
                os.kill(daemon.pid, signal.SIGCONT)
            systemd.settimeout(60.0)
            assert systemd.recv(4096) == b"WATCHDOG=1"

            daemon.stop()
            words = set()
            while b"STOPPING=1" not in words:
                words = {*systemd.recv(4096).split(b"\n")}
