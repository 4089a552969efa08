"""Which daemon is meant, where several are, or none."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sswd.control import client
from sswd.control.client import (
    AskError,
    Connection,
    NoDaemonError,
    SilentError,
    hello,
)
from sswd.control.finding import alive, find
from sswd.control.protocol import Answer, End, Error, Hi, line_of
from sswd.directories import file_stem
from tests.unit.control.fake_daemon import fake_daemon, opened


@contextmanager
def daemon(
    path: Path, *prefixes: str, file: str = "", says_no: str = ""
) -> Iterator[None]:
    """Something that says who it is, to all who ask; silent without prefixes."""
    answers: list[Answer] = []
    if says_no:
        answers = [Error(words=says_no)]
    elif prefixes:
        who = Hi(pid=os.getpid(), sswd="0", prefixes=list(prefixes), file=file)
        answers = [who, End()]
    lines = b"".join(map(line_of, answers))
    with fake_daemon(path, lambda _: lines):
        yield


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    # Longer than what fits the address of a socket.
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    monkeypatch.setattr(client, "HELLO_S", 0.3)
    return folder


def test_none(folder) -> None:
    with pytest.raises(NoDaemonError, match="no daemon of this user runs on this host"):
        find()


def test_the_only_one(folder) -> None:
    with daemon(folder / "a.sock", "A:", "A:X:"), find() as found:
        assert hello(found).prefixes == ["A:", "A:X:"]
        assert found.pid == os.getpid()


def test_one_of_two(folder, tmp_path) -> None:
    file = tmp_path / "b.toml"
    with (
        daemon(folder / "a.sock", "A:"),
        daemon(folder / "b.sock", "B:", "B:X:", file=str(file)),
    ):
        with find("B:X:") as found:
            assert found.path.name == "b.sock"
        with find(file=tmp_path / "." / "b.toml") as found:
            assert found.path.name == "b.sock"
        with pytest.raises(NoDaemonError, match=r"several.*A:; B:, B:X: .*b\.toml"):
            find()
        with pytest.raises(NoDaemonError, match=r"serves prefix 'C:'.*there are: A:;"):
            find("C:")


def test_what_a_dead_one_left_is_passed_over(folder) -> None:
    with opened(folder) as fd, socket.socket(socket.AF_UNIX) as left:
        left.bind(f"/proc/self/fd/{fd}/left.sock")
    (folder / "file.sock").write_text("no socket")
    with daemon(folder / "a.sock", "A:"), find() as found:
        assert found.path.name == "a.sock"


def test_one_that_hangs_is_told_with_its_pid(folder) -> None:
    with daemon(folder / "a.sock"), pytest.raises(SilentError) as told:
        find()
    assert told.value.pid == os.getpid()
    assert "does not answer" in str(told.value)


@contextmanager
def full(path: Path) -> Iterator[None]:
    """One that hangs, and as many have connected as may wait."""
    with socket.socket(socket.AF_UNIX) as listening, opened(path.parent) as folder:
        address = f"/proc/self/fd/{folder}/{path.name}"
        listening.bind(address)
        listening.listen(0)
        with socket.socket(socket.AF_UNIX) as waits:
            waits.connect(address)
            yield


def lock(folder: Path, prefix: str, pid: int) -> None:
    (folder / f"{file_stem(prefix)}.lock").write_text(f"{pid}\n")


def test_one_that_hangs_may_be_the_one_that_is_meant(folder) -> None:
    with daemon(folder / "a.sock"), daemon(folder / "b.sock", "B:"):
        with pytest.raises(SilentError, match=r"name one.*\(pid \d+\).*B:") as told:
            find()
        assert told.value.pid is None, "no signal may be sent to a daemon by chance"
        with find("B:") as found:
            assert found.path.name == "b.sock"
        with pytest.raises(SilentError) as told:
            find("A:")
        assert told.value.pid == os.getpid()


def test_two_that_hang_are_told_with_their_pids(folder) -> None:
    lock(folder, "B:X:", os.getppid())
    lock(folder, "B:Y:", os.getppid())
    a = folder / f"{file_stem('A:')}.sock"
    with daemon(a), full(folder / f"{file_stem('B:X:')}.sock"):
        with pytest.raises(SilentError, match=r"several daemons run.*pid.*pid"):
            find()
        with pytest.raises(SilentError, match=r"no daemon .*or one of these does"):
            find("C:")
        pids = {"A:": os.getpid(), "B:X:": os.getppid(), "B:Y:": os.getppid()}
        for prefix, pid in pids.items():
            with pytest.raises(SilentError) as told:
                find(prefix)
            assert told.value.pid == pid


def test_a_queue_that_is_full_is_silence(folder) -> None:
    with full(folder / "a.sock"):
        for one in (find, alive):
            with pytest.raises(SilentError, match="so many wait that no more may"):
                one()


def test_one_that_says_no_is_alive(folder) -> None:
    with daemon(folder / "a.sock", says_no="32 clients are connected already"):
        assert alive() == os.getpid()
        with pytest.raises(AskError, match=r"pid \d+\) says no: 32 clients"):
            find()
        with daemon(folder / "b.sock", "B:"), pytest.raises(NoDaemonError) as many:
            find()
        assert "a.sock: the daemon" in str(many.value)


def test_whose_daemon_it_is_that_may_not_be_asked(folder, monkeypatch) -> None:
    def closed(path: Path) -> Connection:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("sswd.control.finding.Connection", closed)
    with daemon(folder / "a.sock", "A:"):
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(NoDaemonError, match=r"a\.sock belongs to .*sudo -u") as ex:
            find()
    assert "start one" not in str(ex.value)


def test_a_strangers_socket_is_not_asked(folder, monkeypatch) -> None:
    monkeypatch.setattr(client, "may_answer", lambda uid: False)
    with (
        daemon(folder / "a.sock", "A:"),
        pytest.raises(NoDaemonError, match="belongs to user id"),
    ):
        Connection(folder / "a.sock")
