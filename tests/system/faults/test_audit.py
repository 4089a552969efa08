"""Who put what: every put is in the audit log, and no disk stops Channel Access."""

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import UP_S, Client
from control import found_here, good, status
from daemon import until
from served import START_S, served

from sswd.testing import Daemon

DRIVERS = Path(__file__).parents[1] / "drivers"
TOML = """
prefix = "@"
[log]
file = "FOLDER/log/daemon.log"
[log.levels]
"sswd.ioc.ca.server.context" = "WARNING"
[audit]
file = "FOLDER/log/puts.jsonl"
burst_s = BURST
max_bytes = 32768
keep = 2
[system.s]
target = "target:Target"
[system.s.pvs]
NUMBER = { type = "float", writable = true, limits = [0.0, 1000.0] }
MODE = { type = "enum", strings = ["off", "slow", "fast"], writable = true }
LABEL = { type = "str" }
DOUBLED = { type = "float" }
WAVE = { type = "float", length = 100, writable = true }
BYTES = { type = "uint8", length = 100, writable = true }
"""


def mount(folder: Path) -> bool:
    """Make the folder a disk of 64 KiB; False where that is not permitted."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", folder]
    return subprocess.run(command, capture_output=True).returncode == 0


@contextlib.contextmanager
def auditing(client: Client, folder: Path, burst_s: float = 0.0) -> Iterator[Daemon]:
    config = TOML.replace("FOLDER", str(folder)).replace("BURST", str(burst_s))
    # The files stay open: `served` is not to compare what is held.
    with served(config, client, systems=(), folder=DRIVERS) as daemon:
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)
        yield daemon


def lines(folder: Path, *, ended: bool = False) -> list[dict[str, Any]]:
    """All whole lines; a torn one fails here. `ended`: not the last one while it has no
    end, for it is being written, or taken back; the next one shows if it was torn."""
    path = folder / "log/puts.jsonl"
    text = path.read_text() if path.exists() else ""
    if ended:
        text = text[: text.rfind("\n") + 1]
    return [json.loads(line) for line in text.splitlines()]


def last(folder: Path, pv: str, count: int = 1) -> dict[str, Any]:
    """The newest line about a PV, which has been put so often."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [line for line in lines(folder) if line["pv"] == pv]
        return len(found) == count

    until(is_there, f"{count} lines about {pv}")
    return found[-1]


@pytest.mark.row(36)
def test_every_put_and_its_fate(client: Client, tmp_path: Path) -> None:
    with auditing(client, tmp_path) as daemon:
        p = daemon.prefix
        assert daemon.put("NUMBER", 3.0)
        line = last(tmp_path, f"{p}NUMBER")
        assert (line["new"], line["old"], line["fate"]) == (3.0, 0.0, "DONE")
        assert line["command"] == daemon.get("CMD_ID")
        assert line["address"] == "127.0.0.1"
        assert line["user"]
        assert line["host"]
        assert not daemon.put("NUMBER", 5000.0)
        line = last(tmp_path, f"{p}NUMBER", 2)
        assert (line["new"], line["old"], line["fate"]) == (5000.0, 3.0, "REJECTED")
        assert "outside the limits" in line["error"]
        assert not daemon.put("CMD", "fail")
        line = last(tmp_path, f"{p}CMD")
        assert (line["new"], line["fate"]) == ("fail", "FAILED")
        assert line["error"] == daemon.get("CMD_ERROR") == "ValueError: told to fail"
        for _ in range(2):  # bytes that are no UTF-8: new ones, then old ones
            daemon.put("CMD", b"\xb5m")
        line = last(tmp_path, f"{p}CMD", 3)
        assert (line["new"], line["old"]) == (r"\xb5m", r"\xb5m")
        assert not daemon.put("DOUBLED", 1.0)
        line = last(tmp_path, f"{p}DOUBLED")
        assert (line["fate"], "command" in line) == ("DENIED", False)
        assert daemon.put("MODE", 2)
        line = last(tmp_path, f"{p}MODE")
        assert (line["new"], line["old"]) == ("fast", "off")
        assert daemon.put("WAVE", [1.0] * 100)
        line = last(tmp_path, f"{p}WAVE")
        assert (line["new"], line["new-size"]) == ([1.0] * 50, 100)
        assert (line["old"], line["old-size"]) == ([], 0)
        daemon.put("BYTES", b"\x00\xff")
        assert last(tmp_path, f"{p}BYTES")["new"] == [0, 255]
        assert daemon.put("WORKER:RESTART", 1)
        assert last(tmp_path, f"{p}WORKER:RESTART")["new"] == "Act"
        _orders_by_the_socket(daemon, tmp_path)
        log = (tmp_path / "log/daemon.log").read_text()
        assert re.search(r"command 1 NUMBER 3.0: done in \S+ s, put by \S+@\S+", log)
        assert log in daemon.log, "the file has what standard error has"
        assert "Channel Access on TCP port" not in daemon.log, "levels of loggers"


def _orders_by_the_socket(daemon: Daemon, folder: Path) -> None:
    """What comes through the control socket is a put as well."""
    with found_here(daemon):
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)
        good("call", f"{daemon.prefix}MODE", "slow")
        line = last(folder, f"{daemon.prefix}MODE", 2)
        assert (line["new"], line["old"], line["fate"]) == ("slow", "fast", "DONE")
        assert (line["address"], line["command"]) == ("local", daemon.get("CMD_ID"))
        good("abort")
        line = last(folder, f"{daemon.prefix}ABORT")
        assert (line["new"], line["address"]) == ("Act", "local")


@pytest.mark.timing
@pytest.mark.row(36, 58)
def test_without_a_folder_it_is_told_and_heals(client: Client, tmp_path: Path) -> None:
    """What is in the place of the folder could as well be a read-only disk."""
    (tmp_path / "log").write_text("in its place")
    with auditing(client, tmp_path) as daemon:
        _cannot_write(daemon, client, "Not a directory", "the log file")
        with found_here(daemon):
            wrong = [each["words"] for each in status()["wrong"]]
        assert all("cannot be written: Not a directory" in words for words in wrong)
        assert len(wrong) == 2
        (tmp_path / "log").unlink()
        assert daemon.put("NUMBER", 2.0)
        assert last(tmp_path, f"{daemon.prefix}NUMBER")["new"] == 2.0, "the first one"
        until(lambda: daemon.log.count("can be written again") == 2, "that it is told")


@pytest.mark.timing
@pytest.mark.row(36, 58)
def test_a_full_disk(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir(mode=0o700)
    if not mount(folder):
        pytest.skip("only who may mount can fill a disk of his own")
    try:
        with auditing(client, tmp_path) as daemon:
            assert daemon.put("NUMBER", 1.0)
            before = last(tmp_path, f"{daemon.prefix}NUMBER")
            ballast = folder / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 512)
            _cannot_write(daemon, client, "No space left on device")
            assert before in lines(tmp_path, ended=True), "the last good ones are kept"
            ballast.unlink()
            seen = len(lines(tmp_path, ended=True))
            assert daemon.put("NUMBER", 2.0)
            until(
                lambda: len(lines(tmp_path, ended=True)) > seen,
                "a line on the disk again",
            )
            until(lambda: "can be written again" in daemon.log, "that it is told")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _cannot_write(daemon: Daemon, client: Client, why: str, *others: str) -> None:
    """Puts and gets go on; each of the files is told once."""
    for number in range(100):
        begin_s = time.monotonic()
        assert client.put(f"{daemon.prefix}NUMBER", float(number))
        assert client.get(f"{daemon.prefix}NUMBER") == float(number)
        assert time.monotonic() - begin_s < 4 * UP_S
    for what in ("the audit log", *others):
        until(lambda: what in daemon.log, f"that {what} cannot be written")  # noqa: B023
        [words] = [line for line in daemon.log.splitlines() if f" {what} " in line]
        assert f"cannot be written: {why}" in words
        assert "make room" in words


@pytest.mark.row(36)
def test_a_client_that_floods_fills_no_disk(client: Client, tmp_path: Path) -> None:
    with auditing(client, tmp_path, burst_s=60.0) as daemon:
        for number in range(300):
            client.put(f"{daemon.prefix}NUMBER", float(number))
        assert len(lines(tmp_path)) == 1
        until(lambda: daemon.get("NUMBER") == 299.0, "the last one")
        # Commands that succeed do not flood the log either.
        assert daemon.log.count("done in") < 60
    rest = lines(tmp_path)[1:]
    assert [line["count"] for line in rest] == [299]
    assert (rest[0]["min"], rest[0]["max"]) == (1.0, 299.0)
