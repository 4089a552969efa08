"""The unit of deploy/systemd, by systemd's own judgement; and what it is told."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from daemon import until

from sswd.testing import running_daemon
from tests.tools import need

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "deploy/systemd/sswd@.service"
PROCSERV_UNIT = ROOT / "deploy/procserv/sswd-procserv@.service"
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


def test_systemd_finds_nothing_wrong_with_the_unit_for_procserv(
    tmp_path: Path,
) -> None:
    text = PROCSERV_UNIT.read_text()
    script = "/opt/sswd/libexec/sswd-procserv"
    assert script in text
    unit = tmp_path / "sswd-procserv@stage.service"
    unit.write_text(text.replace(script, "/bin/true"))
    verified = subprocess.run(
        [need("systemd-analyze"), "verify", "--man=no", unit],
        capture_output=True,
        text=True,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_every_kind_of_device_has_an_opening() -> None:
    (found,) = OPENINGS.findall(UNIT.read_text())
    for word in ("Serial", "USB", "GPIB", "Raw network"):
        assert word in found
    assert len(OPENING.findall(found)) > 10


class Notified:
    """A socket as systemd's, read at once by a thread: its queue holds ten words."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while (data := self._socket.recv(4096)) != b"end":
            self.lines += data.decode().splitlines()

    def wait_for(self, line: str) -> None:
        until(lambda: line in self.lines, line, 60.0)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.sendto(b"end", str(self.path))
        self._thread.join(10.0)
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Notified]:
    systemd = Notified(tmp_path / "notify")
    yield systemd
    systemd.close()


def test_ready_watchdog_and_stopping(systemd: Notified) -> None:
    env = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "150000"}
    with running_daemon(
        "echo:Echo", folder=MISBEHAVING, env=env, ready=False
    ) as daemon:
        systemd.wait_for("READY=1")
        daemon.get("WORKER:STATE")  # it answers indeed
        systemd.wait_for("STATUS=1 system: 1 RUNNING")
        worker = Path(f"/proc/{daemon.get('WORKER:PID')}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in worker

        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            until(lambda: psutil.Process(daemon.pid).status() == "stopped", "SIGSTOP")
            time.sleep(0.1)  # what was sent before is read
            fed = len(systemd.lines)
            time.sleep(0.5)  # ten times the time between two feeds
            assert len(systemd.lines) == fed
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        until(lambda: len(systemd.lines) > fed, "WATCHDOG=1 again")
        daemon.stop()
        systemd.wait_for("STOPPING=1")
