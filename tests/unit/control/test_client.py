"""Which daemon is meant, where several are, or none."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sswd.control import client
from sswd.control.client import Connection, NoDaemonError, SilentError, find, hello
from sswd.control.protocol import End, Hi, line_of


@contextmanager
def daemon(path: Path, *prefixes: str, file: str = "") -> Iterator[None]:
    """Something that says who it is, to all who ask; silent without prefixes."""
    who = Hi(pid=os.getpid(), sswd="0", prefixes=list(prefixes), file=file)
    with socket.socket(socket.AF_UNIX) as listening, _opened(path.parent) as folder:
        listening.bind(f"/proc/self/fd/{folder}/{path.name}")
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    asked, _ = listening.accept()
                except OSError:
                    return
                with asked, suppress(OSError):
                    while asked.recv(1000):
                        if prefixes:
                            asked.sendall(line_of(who) + line_of(End()))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


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
    with _opened(folder) as fd, socket.socket(socket.AF_UNIX) as left:
        left.bind(f"/proc/self/fd/{fd}/left.sock")
    (folder / "file.sock").write_text("no socket")
    with daemon(folder / "a.sock", "A:"), find() as found:
        assert found.path.name == "a.sock"


def test_one_that_hangs_is_told_with_its_pid(folder) -> None:
    with daemon(folder / "a.sock"), pytest.raises(SilentError) as told:
        find()
    assert told.value.pid == os.getpid()
    assert "does not answer" in str(told.value)


def test_a_strangers_socket_is_not_asked(folder, monkeypatch) -> None:
    monkeypatch.setattr(client, "may_answer", lambda uid: False)
    with (
        daemon(folder / "a.sock", "A:"),
        pytest.raises(NoDaemonError, match="belongs to user id"),
    ):
        Connection(folder / "a.sock")
