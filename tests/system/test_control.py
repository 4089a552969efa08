"""The control socket of a real daemon, as `sswd status` and its like use it."""

import contextlib
import os
import signal
import socket
import stat
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from control import good, objects, sswd, two_systems
from daemon import until

from sswd.control import protocol
from sswd.control.finding import find
from sswd.control.protocol import MAX_REQUEST, Error, GetStatus, answer_of, line_of
from sswd.testing import Daemon
from tests.system.faults.prober import probing

CALLS = 2500


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with two_systems() as daemon:
        yield daemon


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
    text = good("status")
    assert len(text.splitlines()) <= 24
    for words in ("main", "other", "RUNNING  run 1 for", "none runs", "free for"):
        assert words in text
    assert text.endswith("All is well.\n")


def test_status_as_json(daemon: Daemon) -> None:
    [told] = objects("status")
    assert told["ioc"]["pid"] == daemon.pid
    assert [s["name"] for s in told["systems"]] == ["main", "other"]
    assert told["wrong"] == []


def test_the_daemon_is_found_by_prefix_and_file(daemon: Daemon) -> None:
    good("status", "--prefix", daemon.prefix)
    good("status", "--prefix", f"{daemon.prefix}OTHER:")
    good("status", str(daemon.folder / "sswd.toml"))
    good("status", "--file", str(daemon.folder / "sswd.toml"))


def test_a_daemon_that_is_not_there_is_exit_code_4(daemon: Daemon) -> None:
    code, _, err = sswd("status", "--prefix", "NOBODY:")
    assert code == 4
    assert "no daemon of this user serves prefix 'NOBODY:'" in err
    assert daemon.prefix in err  # and who is there


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


@pytest.mark.timing
def test_a_thousand_calls_a_second_hurt_no_client(daemon: Daemon) -> None:
    """Each call is a connection of its own, as `sswd status` makes it.

    A busy host reaches fewer in a second, since each has to wait for its turns, as the
    gets of a new client do.
    """
    [first] = objects("status")
    pv = f"{daemon.prefix}MAIN:WORKER:PID"
    begun_s = time.monotonic()
    with probing(first["ioc"]["port"], pv) as answers:
        calls, took_s = 0, 0.0
        while calls < CALLS and took_s < 5 * CALLS / 1000:
            with find(daemon.prefix) as asking:
                answer, _ = asking.ask(GetStatus())
            assert isinstance(answer, protocol.Told)
            calls, took_s = calls + 1, time.monotonic() - begun_s
            time.sleep(max(0.0, calls / 1000 - took_s))
    told = f"{calls / took_s:.0f} calls a second; {answers}"
    print(told)
    answers.assert_up()
    assert took_s / calls < 5 * max(0.001, statistics.mean(answers.new_s)), told


def test_a_daemon_that_hangs_is_named_with_its_pid(daemon: Daemon) -> None:
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        code, _, err = sswd("stack")
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert code == 3
    assert f"the daemon (pid {daemon.pid}) does not answer" in err
    until(lambda: "Current thread" in daemon.log, "the stacks in its log")
    until(lambda: sswd("status")[0] == 0, "its loop to be in time again")
