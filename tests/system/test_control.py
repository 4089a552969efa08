"""The control socket of a real daemon, as `sswd status` and its like use it."""

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import until

from sswd.control import protocol
from sswd.control.client import Connection
from sswd.control.protocol import MAX_REQUEST, Error, GetStatus, answer_of, line_of
from sswd.testing import Daemon, running_daemon

MISBEHAVING = Path(__file__).parents[1] / "misbehaving"
CONFIG = """\
prefix = "@"
[system.main]
prefix = "MAIN:"
target = "stalls:Slow"
[system.main.command]
abort_s = [0.1, 0.1, 0.5]
[system.other]
prefix = "OTHER:"
target = "echo:Echo"
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(config=CONFIG, folder=MISBEHAVING, ready=False) as daemon:
        for system in ("MAIN:", "OTHER:"):
            daemon.wait_for(f"{system}WORKER:STATE", "RUNNING", timeout_s=20)
        yield daemon


def sswd(daemon: Daemon, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the program as an operator of this daemon's host does."""
    env = os.environ | {"RUNTIME_DIRECTORY": str(daemon.folder / "run")}
    return subprocess.run(
        [sys.executable, "-m", "sswd", *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )


def path_of(daemon: Daemon) -> Path:
    [path] = (daemon.folder / "run").glob("*.sock")
    return path


@contextlib.contextmanager
def raw(daemon: Daemon) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
        raw.settimeout(10)
        raw.connect(str(path_of(daemon)))
        yield raw


def reply(raw: socket.socket, sent: bytes) -> bytes:
    """Send this and return what comes, up to a line or the end."""
    raw.sendall(sent)
    got = b""
    while not got.endswith(b"\n") and (more := raw.recv(65536)):
        got += more
    return got


def test_the_socket_is_its_owners_only(daemon: Daemon) -> None:
    assert stat.S_IMODE(path_of(daemon).stat().st_mode) == 0o600


def test_status_tells_all_on_one_screen(daemon: Daemon) -> None:
    told = sswd(daemon, "status")
    assert (told.returncode, told.stderr) == (0, "")
    assert len(told.stdout.splitlines()) <= 24
    for words in ("main", "other", "RUNNING  run 1 for", "none runs", "free for"):
        assert words in told.stdout
    assert told.stdout.endswith("All is well.\n")


def test_status_as_json(daemon: Daemon) -> None:
    told = json.loads(sswd(daemon, "status", "--json").stdout)
    assert told["ioc"]["pid"] == daemon.pid
    assert [s["name"] for s in told["systems"]] == ["main", "other"]
    assert told["wrong"] == []


@pytest.mark.parametrize("how", ["prefix", "system prefix", "file"])
def test_the_daemon_is_found_by(daemon: Daemon, how: str) -> None:
    words = {
        "prefix": ("--prefix", daemon.prefix),
        "system prefix": ("--prefix", f"{daemon.prefix}OTHER:"),
        "file": (str(daemon.folder / "sswd.toml"),),
    }
    assert sswd(daemon, "status", *words[how]).returncode == 0


def test_a_daemon_that_is_not_there_is_exit_code_4(daemon: Daemon) -> None:
    told = sswd(daemon, "status", "--prefix", "NOBODY:")
    assert told.returncode == 4
    assert "no daemon of this user serves prefix 'NOBODY:'" in told.stderr
    assert daemon.prefix in told.stderr  # and who is there


def test_several_daemons_are_told_apart(daemon: Daemon) -> None:
    env = {"RUNTIME_DIRECTORY": str(daemon.folder / "run")}
    config = '[system.main]\nprefix = "@"\ntarget = "echo:Echo"\n'
    with running_daemon(
        config=config.replace("@", f"{daemon.prefix}2:"),
        folder=MISBEHAVING,
        env=env,
        ready=False,
    ):
        until(lambda: len(list(Path(env["RUNTIME_DIRECTORY"]).glob("*.sock"))) == 2, "")
        until(
            lambda: sswd(daemon, "status").returncode == 4, "two daemons", pause_s=0.5
        )
        told = sswd(daemon, "status")
        assert "several daemons run: name one by --prefix" in told.stderr
        assert sswd(daemon, "status", "--prefix", daemon.prefix).returncode == 0
    assert sswd(daemon, "status").returncode == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"\n", "no request"),
        (b"\xff\xfe{}\n", "no request"),
        (b'{"v": 2, "cmd": "status"}\n', "version 2 is asked for"),
        (b'{"v": 1, "cmd": "format"}\n', "Invalid value 'format'"),
        (b'{"v": 1, "cmd": "call", "pv": "X"}\n', "required field `value`"),
        (b'{"v": 1, "cmd": "status", "more": 1}\n', "unknown field `more`"),
        (b'{"v": 1, "cmd": "get", "pvs": []}\n', "`$.pvs`"),
        (b'{"v":1,"cmd":"status","x":' + b"[" * 30_000 + b"\n", "no request"),
    ],
)
def test_what_is_no_request_is_refused_in_words(
    daemon: Daemon, line: bytes, words: str
) -> None:
    with raw(daemon) as client:
        answer = answer_of(reply(client, line))
        assert isinstance(answer, Error)
        assert words in answer.words
        assert b'"kind":"status"' in reply(client, line_of(GetStatus()))


def test_a_request_that_is_too_long_ends_the_connection(daemon: Daemon) -> None:
    with raw(daemon) as client:
        answer = answer_of(reply(client, b" " * (MAX_REQUEST + 1)))
        assert isinstance(answer, Error)
        assert f"{MAX_REQUEST} bytes at most" in answer.words
        with contextlib.suppress(ConnectionError):
            assert client.recv(1) == b""


def test_another_user_is_refused(daemon: Daemon) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    path = path_of(daemon)
    code = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        # What mode and directory would forbid is done before: the kernel's word counts.
        "s2 = os.open(os.path.dirname(sys.argv[1]), os.O_RDONLY)\n"
        "os.setresuid(1000, 1000, 0)\n"
        "os.setresuid(1000, 1000, 1000)\n"
        "s.connect(f'/proc/self/fd/{s2}/' + os.path.basename(sys.argv[1]))\n"
        's.sendall(b\'{"v":1,"cmd":"status"}\\n\')\n'
        "print(s.recv(65536).decode())\n"
    )
    modes = {p: p.stat().st_mode for p in (path, path.parent, daemon.folder)}
    for each in modes:
        each.chmod(0o777)
    try:
        asked = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True
        )
    finally:
        for each, mode in modes.items():
            each.chmod(mode)
    answer = answer_of(asked.stdout.encode())
    assert isinstance(answer, Error), asked.stderr
    assert answer.words.startswith("user id 1000 may not ask this daemon")
    assert "user id 1000 may not ask this daemon" in daemon.log


def test_idle_clients_are_bounded(daemon: Daemon) -> None:
    with contextlib.ExitStack() as stack:
        words = b""
        for _ in range(40):
            client = stack.enter_context(raw(daemon))
            words = reply(client, line_of(protocol.Hello()))
            if b"error" in words:
                break
        assert b"clients are connected already" in words
    until(lambda: sswd(daemon, "status").returncode == 0, "room again")


def test_a_client_that_reads_nothing_is_dropped_and_hurts_nobody(
    daemon: Daemon,
) -> None:
    with raw(daemon) as client:
        client.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            for _ in range(20_000):
                client.sendall(line_of(GetStatus()))
        begun_s = time.monotonic()
        with Connection(path_of(daemon)) as other:
            for _ in range(20):
                list(other.ask(GetStatus()))
        assert daemon.get("MAIN:WORKER:STATE", as_string=True) == "RUNNING"
        assert time.monotonic() - begun_s < 10
        client.settimeout(30)
        until(lambda: not has_room(client), "the end of the connection", 30)


def has_room(client: socket.socket) -> bool:
    """Whether the daemon still holds this connection."""
    try:
        client.send(b" ", socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True
