"""What the kernel tells of this host."""

import os
from pathlib import Path

import pytest

from sswd.control import client
from sswd.doctor.host import daemons, udp_sockets
from tests.unit.control.fake_daemon import fake_daemon

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
  1: 0100007F:13C8 00000000:0000 07 00000000:00000000 00:00000000 00000000  0
  2: 00000000:13C8 00000000:0000 07 00000000:00000000 00:00000000 00000000  0
  3: 00000000:13C8 00000000:0000 07 00000000:00000000 00:00000000 00000000  0
  4: 00000000:13C9 00000000:0000 07 00000000:00000000 00:00000000 00000000  0
"""


def test_sockets_at_a_port_are_counted(tmp_path: Path) -> None:
    table = tmp_path / "udp"
    table.write_text(TABLE)
    assert udp_sockets(5064, table) == {"127.0.0.1": 1, "0.0.0.0": 2}
    assert udp_sockets(6000, table) == {}
    assert udp_sockets(5064, tmp_path / "none") is None
    table.write_text("sl\nnonsense\n")
    assert udp_sockets(5064, table) is None


def test_a_daemon_that_says_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(client, "HELLO_S", 0.1)
    with fake_daemon(tmp_path / "LAB.sock", lambda _: b""):
        found = [each for each in daemons("LAB:X") if each.pid == os.getpid()]
    [silent] = found
    words = f"LAB.sock: the daemon (pid {os.getpid()}) does not answer"
    assert silent.silence.startswith(words)
    assert silent.serves is None
