"""The event listener's parts: protocol, patience, words without a supervisord."""

import io
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest

from sswd import supervisord
from sswd.exit_codes import BAD_CONFIGURATION
from sswd.supervisord import daemons, program, rpc
from sswd.supervisord.events import BrokenProtocolError, events
from sswd.supervisord.patience import Patience
from sswd.supervisord.rpc import Program, Supervisord

TICK = (
    b"ver:3.0 server:supervisor serial:1 pool:p poolserial:1 eventname:TICK_5 len:15\n"
)
PAYLOAD = b"when:1201063880"


def test_an_event_is_asked_for_handled_and_acknowledged() -> None:
    out = io.BytesIO()
    listened = events(io.BytesIO(2 * (TICK + PAYLOAD)), out)
    assert next(listened) == "TICK_5"
    assert out.getvalue() == b"READY\n", "acknowledged before it is handled"
    assert list(listened) == ["TICK_5"]
    assert out.getvalue() == 2 * b"READY\nRESULT 2\nOK" + b"READY\n"


@pytest.mark.parametrize("line", [b"\n", b"len:x\n", b"len:-1\n", b"len:99999999\n"])
def test_what_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(BrokenProtocolError):
        next(events(io.BytesIO(line), io.BytesIO()))


def test_patience_ends_with_the_limit() -> None:
    patience = Patience(3)
    rounds = [patience.heard({1: False, 2: True}) for _ in range(7)]
    assert rounds == [[], [], [1], [], [], [1], []]


def test_an_answer_gives_new_patience() -> None:
    patience = Patience(2)
    assert patience.heard({1: False}) == []
    assert patience.heard({1: True}) == []
    assert patience.heard({1: False}) == []
    assert patience.heard({}) == []
    assert patience.heard({1: False}) == [], "another process of the same number"
    assert patience.heard({1: False}) == [1]


def test_without_supervisords_address_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SUPERVISOR_SERVER_URL", raising=False)
    assert supervisord.main([]) == BAD_CONFIGURATION
    assert "[unix_http_server]" in capsys.readouterr().err


def full(path: Path, pid: int) -> socket.socket:
    """A socket where no more may wait, and beside it a lock that names `pid`."""
    listening, waits = (socket.socket(socket.AF_UNIX) for _ in range(2))
    listening.bind(str(path))
    listening.listen(0)
    with waits:
        waits.connect(str(path))
    path.with_suffix(".lock").write_text(f"{pid}\n")
    return listening


def test_one_that_answers_is_not_called_silent_by_another_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    pid = os.getpid()
    with full(tmp_path / "b.sock", pid):
        assert daemons.answers(0.1) == {pid: False}
        with monkeypatch.context() as patch:
            real = daemons._ask
            patch.setattr(
                daemons,
                "_ask",
                lambda path, s: (pid, True) if path.stem == "a" else real(path, s),
            )
            with full(tmp_path / "a.sock", pid):
                assert daemons.answers(0.1) == {pid: True}


def test_a_process_that_has_the_number_of_a_silent_one_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "a.sock"))
        listening.listen()
        assert daemons.answers(0.01) == {os.getpid(): False}
        monkeypatch.setattr(daemons, "owner_of", lambda pid: os.geteuid() + 1)
        assert daemons.answers(0.01) == {}


def test_whom_it_watches_is_logged_when_that_changes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    patience, listener = Patience(3), Supervisord({"SUPERVISOR_SERVER_URL": "unix://x"})
    for heard in ({}, {5: True, 3: True}, {3: True, 5: False}, {5: True}, {}):
        monkeypatch.setattr(program, "answers", lambda _, heard=heard: heard)
        program.look(listener, patience, 0.1)
    told = [r.getMessage().split(": ")[1] for r in caplog.records if r.levelno == 20]
    assert told == ["3, 5", "5", "none"]


class Quiet(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)

    def log_message(self, *_: object) -> None:
        """Not to standard error."""


class Calls:
    """What a supervisord without `autorestart` does: a killed program stays EXITED."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def signalProcess(self, name: str, signal: str) -> bool:
        self.made.append(f"{signal} {name}")
        return True

    def getProcessInfo(self, name: str) -> dict[str, object]:
        return {"name": name, "group": "g", "state": 100, "pid": 0}

    def startProcess(self, name: str, wait: bool) -> bool:
        self.made.append(f"start {name} {wait}")
        return True


@pytest.fixture
def calls() -> Iterator[tuple[str, Calls]]:
    made = Calls()
    with SimpleXMLRPCServer(("127.0.0.1", 0), Quiet) as server:
        for name in ("signalProcess", "getProcessInfo", "startProcess"):
            server.register_function(getattr(made, name), f"supervisor.{name}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", made
        server.shutdown()
        thread.join(10)


def test_one_that_supervisord_does_not_start_again_is_started(
    calls: tuple[str, Calls], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, made = calls
    monkeypatch.setattr(rpc, "STACKS_S", 0.0)
    Supervisord({"SUPERVISOR_SERVER_URL": url}).restart(Program("a", "g", 20, 7))
    assert made.made == ["USR1 g:a", "KILL g:a", "start g:a False"]


def test_one_that_cannot_be_killed_keeps_no_other_from_its_restart(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck:
        """The first program is in a call of the kernel that does not return."""

        def __init__(self) -> None:
            self.restarted: list[int] = []

        def programs(self) -> list[Program]:
            return [Program(f"p{pid}", "g", rpc.RUNNING, pid) for pid in (3, 5)]

        def restart(self, given: Program) -> None:
            self.restarted.append(given.pid)
            if given.pid == 3:
                raise rpc.SupervisordError("g:p3 does not end by SIGKILL")

    listener: Any = Stuck()
    monkeypatch.setattr(program, "answers", lambda _: {3: False, 5: False})
    program.look(listener, Patience(1), 0.1)
    assert listener.restarted == [3, 5]
    assert "g:p3 does not end by SIGKILL" in caplog.text


def test_a_supervisord_that_hangs_is_waited_for_no_longer_than_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rpc, "CALL_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(rpc.SupervisordError, match="does not answer"):
            Supervisord({"SUPERVISOR_SERVER_URL": url}).programs()
