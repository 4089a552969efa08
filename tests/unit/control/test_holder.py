"""Who holds the lock beside a socket, and when nobody is named."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.control.holder import holder

OTHER = 1000


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A socket, and beside it a lock that this process holds."""
    path = tmp_path / "a.sock"
    path.with_suffix(".lock").write_text(f"{os.getpid()}\n")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        yield path


def test_it_is_named(path: Path) -> None:
    assert holder(path) == os.getpid()
    (path.parent / "b.lock").write_text(f"{os.getppid()}\n")
    assert holder(path, lock="b.lock") == os.getppid()


@pytest.mark.parametrize("text", ["", "x\n", "-1\n", "99999999999\n"])
def test_what_is_no_process_is_not_named(path: Path, text: str) -> None:
    path.with_suffix(".lock").write_text(text)
    assert holder(path) is None


def test_a_link_or_a_pipe_is_no_lock(path: Path) -> None:
    lock = path.with_suffix(".lock")
    lock.rename(path.parent / "real")
    lock.symlink_to("real")
    assert holder(path) is None
    lock.unlink()
    lock.hardlink_to(path.parent / "real")
    assert holder(path) is None
    lock.unlink()
    os.mkfifo(lock)
    assert holder(path) is None, "and it does not wait for a writer"


@pytest.mark.parametrize("name", [".", "a.sock", "a.lock"])
def test_the_owner_of_each_counts(path: Path, name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path.parent / name, OTHER, -1)
    assert holder(path) is None


def test_a_foreign_process_is_not_named(path: Path) -> None:
    """What another user could make root's listener kill."""
    if os.geteuid() != 0:
        path.with_suffix(".lock").write_text("1\n")
        assert holder(path) is None
        return
    for each in (path.parent, path, path.with_suffix(".lock")):
        os.chown(each, OTHER, -1)
    assert holder(path) is None
    with subprocess.Popen(["sleep", "60"], user=OTHER) as own:
        path.with_suffix(".lock").write_text(f"{own.pid}\n")
        assert holder(path) == own.pid
        own.kill()
