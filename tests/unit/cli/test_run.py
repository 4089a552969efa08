"""What `[log]` of a TOML says is where the daemon logs."""

import json
import logging
import socket
from pathlib import Path

import pytest

from sswd import config
from sswd.cli import run
from sswd.cli.run import log_as

TOML = """
prefix = "A:"
[log]
file = "FOLDER/daemon.log"
format = "json"
journal = true
syslog = "FOLDER/syslog"
levels = { "sswd.test.quiet" = "ERROR" }
[system.s]
target = "m:C"
"""


def test_the_log_goes_to_file_journal_and_syslog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s.toml"
    file.write_text(TOML.replace("FOLDER", str(tmp_path)))
    monkeypatch.setattr(run, "JOURNAL", str(tmp_path / "journal"))
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog,
    ):
        for sock, name in ((journal, "journal"), (syslog, "syslog")):
            sock.bind(str(tmp_path / name))
            sock.settimeout(10)
        with log_as(config.load(file).log):
            logging.getLogger("sswd.test.quiet").warning("not this")
            logging.getLogger("sswd.test").warning("an event", extra={"run": 3})
        entry = journal.recv(10_000)
        assert b"MESSAGE=an event\n" in entry
        assert b"SSWD_RUN=3\n" in entry
        assert syslog.recv(10_000).endswith(b": WARNING sswd.test: an event [run=3]")
    event = json.loads((tmp_path / "daemon.log").read_text())
    assert (event["message"], event["run"]) == ("an event", 3)
    assert logging.getLogger("sswd.test.quiet").level == logging.NOTSET
