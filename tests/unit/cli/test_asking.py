"""What the commands that ask a daemon make of answers that no daemon of today gives."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sswd import cli
from sswd.cli import daemon, look, top
from sswd.control.client import SilentError
from sswd.control.protocol import (
    Answer,
    End,
    Entry,
    GetStatus,
    Hi,
    Reload,
    Request,
    Restart,
    Told,
    line_of,
    request_of,
)
from sswd.control.status import Status
from tests.unit.control.fake_daemon import fake_daemon
from tests.unit.control.test_outcome import RUNS
from tests.unit.daemon.test_findings import IOC

HI = line_of(Hi(pid=1, sswd="0", prefixes=["P:"]))
TOLD = Told(status=Status(ioc=IOC, systems=[RUNS], wrong=[]))
RAN = Entry(
    system="main", id=1, pv="CMD", value="1", who="", at=0.0, waited=0.0, ran=0.0,
    state="DONE",
)  # fmt: skip
LINES = {"hello": HI, "status": line_of(TOLD), "commands": line_of(RAN)}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    return tmp_path / "a.sock"


def answering(lines: dict[str, bytes]) -> Callable[[bytes], bytes]:
    return lambda said: lines[json.loads(said)["cmd"]] + line_of(End())


OLD = b'{"kind":"status","v":1,"status":{"ioc":{"pid":1},"systems":[],"wrong":[]}}\n'


@pytest.mark.parametrize(
    "lines", [{"hello": HI, "status": OLD}, {"hello": b'{"kind":"hi"}\n'}]
)
def test_a_daemon_of_another_version_is_told(
    path: Path, capsys: pytest.CaptureFixture[str], lines: dict[str, bytes]
) -> None:
    with fake_daemon(path, answering(lines)):
        assert cli.main(["status"]) == 3
    told = capsys.readouterr().err
    assert told.startswith("sswd: the daemon answers what this sswd does not know: ")
    assert told.endswith("; restart the daemon, or use its sswd\n")


def test_top_outlives_the_daemons_patience(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It hangs up on who says nothing for a minute."""
    naps: list[float] = []
    answer = answering(LINES)

    def until_it_naps(said: bytes) -> bytes:
        if len(naps) > seen[-1]:  # a question of a connection from before
            seen.append(len(naps))
            if b"hello" not in said:
                raise ConnectionResetError
        return answer(said)

    seen = [0]
    monkeypatch.setattr(top.time, "sleep", naps.append)
    with fake_daemon(path, until_it_naps):
        assert cli.main(["top", "--count", "3", "--period", "100", "--json"]) == 0
    looks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert naps == [100, 100]
    assert [look["status"]["systems"][0]["name"] for look in looks] == 3 * [RUNS.name]
    assert [look["commands"][0]["state"] for look in looks] == 3 * ["DONE"]


class Asked:
    """A connection whose orders are answered at once, or never."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.timeouts: dict[str, float | None] = {}

    def ask(self, request: Request, timeout_s: float | None = 5.0) -> Iterator[Answer]:
        assert request_of(line_of(request)) == request
        self.timeouts[type(request).__name__] = timeout_s
        if isinstance(request, GetStatus):
            yield TOLD
        elif not self.answers:
            raise SilentError("silent", 1)
        yield End(words="" if isinstance(request, Restart) else "all is done")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked(answers=True)

    @contextmanager
    def connect(_: object) -> Iterator[Asked]:
        yield asked

    monkeypatch.setattr(daemon, "connect", connect)
    return asked


def test_a_reload_may_take_as_long_as_it_is_waited_for(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["reload", "--timeout", "30", "--json"]) == 0
    assert asked.timeouts[Reload.__name__] == 30
    told = {"system": RUNS.name, "good": True, "words": "all is done"}
    assert json.loads(capsys.readouterr().out) == told
    asked.answers = False
    assert cli.main(["reload", "--timeout", "30"]) == 1
    told_error = capsys.readouterr().err
    assert "the file is not read after 30 s; the reload goes on" in told_error


def test_what_is_not_waited_for_is_told(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restart", "--timeout", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "system": RUNS.name,
        "good": True,
        "words": "ordered; not waited for",
    }


def test_a_put_that_is_not_waited_for_goes_on(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    """The daemon has just said who it is: it does not hang."""
    asked.answers = False
    assert cli.main(["call", "--timeout", "2", "P:CMD", "move"]) == 1
    assert capsys.readouterr().err == (
        "sswd: the put has not ended after 2 s; it goes on\n"
    )


@pytest.mark.parametrize(("pid", "sent"), [(7, [7]), (0, []), (None, [])])
def test_a_silent_daemon_is_signalled_where_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pid: int | None,
    sent: list[int],
) -> None:
    """Pid 0, as of a daemon in another container, would be our own process group."""

    def connect(_: object) -> None:
        raise SilentError("it is silent", pid)

    signals: list[int] = []
    monkeypatch.setattr(daemon, "connect", connect)
    monkeypatch.setattr(look.os, "kill", lambda pid, _: signals.append(pid))
    assert cli.main(["stack"]) == 3
    assert signals == sent
    assert ("SIGUSR1 was sent" in capsys.readouterr().err) is bool(sent)


def test_a_signal_that_cannot_be_sent_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connect(_: object) -> None:
        raise SilentError("it is silent", 7)

    def kill(_pid: int, _signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(daemon, "connect", connect)
    monkeypatch.setattr(look.os, "kill", kill)
    assert cli.main(["stack"]) == 3
    told = capsys.readouterr().err
    assert told.endswith(
        "cannot be told to write its stacks: Operation not permitted\n"
    )
