"""Files of lines: whole ones, few bytes, and words when they cannot be written."""

import errno
import json
import logging
import os
import threading
from pathlib import Path

import pytest

from sswd import log_file
from sswd.control.mends import mend_of
from sswd.errors import ConfigError
from sswd.log_file import LineFile, also_logging_to, levels, place_of, troubles


@pytest.fixture
def made(tmp_path: Path):
    """A small file and its path."""
    path = tmp_path / "logs" / "some.log"
    file = LineFile(path, max_bytes=100, keep=2, what="the test's file")
    yield file, path
    file.close()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch):
    """As a disk gets full: half of a write succeeds, then none does."""
    write = os.write
    room = [0]

    def scarce(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        given = data[: room[0]]
        room[0] -= len(given)
        return write(fd, given)

    def fill(left: int | None) -> None:
        room[0] = left or 0
        monkeypatch.setattr(log_file.os, "write", write if left is None else scarce)

    return fill


def test_it_is_ours_and_made_with_its_folder(made):
    file, path = made
    file.write("a line\n")
    assert path.read_text() == "a line\n"
    assert path.stat().st_mode & 0o7777 == 0o640


def test_rotation_keeps_the_newest_lines_and_few_bytes(made):
    file, path = made
    for number in range(1000):
        file.write(f"line {number:4}\n")
    files = [path.with_name(f"some.log{end}") for end in (".2", ".1", "")]
    assert sorted(path.parent.iterdir()) == sorted(files)
    assert all(each.stat().st_size <= 100 for each in files)
    lines = "".join(each.read_text() for each in files).splitlines()
    first = 1000 - len(lines)
    assert lines == [f"line {number:4}" for number in range(first, 1000)]


def test_a_full_disk_is_told_once_and_leaves_no_half_line(made, full_disk, caplog):
    file, path = made
    file.write("before\n")
    full_disk(3)
    for _ in range(5):
        file.write("while it is full\n")
    assert path.read_text() == "before\n"
    assert [r.levelname for r in caplog.records] == ["ERROR"]
    assert "the test's file" in caplog.text
    assert "cannot be written: No space left on device" in caplog.text
    assert troubles() == [
        f"the test's file {path} cannot be written: No space left on device"
    ]
    full_disk(None)
    file.write("after\n")
    file.write("after\n")
    assert path.read_text() == "before\nafter\nafter\n"
    assert "can be written again; 5 of its lines were lost" in caplog.text
    assert len(caplog.records) == 2
    assert troubles() == []


@pytest.mark.row(58)
def test_a_disk_that_hangs_is_told_while_it_hangs(made, monkeypatch):
    file, path = made
    write, may_go_on, is_writing = os.write, threading.Event(), threading.Event()

    def hanging(fd: int, data: bytes) -> int:
        is_writing.set()
        may_go_on.wait(30)
        return write(fd, data)

    monkeypatch.setattr(log_file.os, "write", hanging)
    thread = threading.Thread(target=file.write, args=("a line\n",), name="test-hangs")
    thread.start()
    assert is_writing.wait(30)
    assert troubles() == [], "it has only begun"
    monkeypatch.setattr(log_file, "HANGS_S", 0.0)
    [words] = troubles()
    may_go_on.set()
    thread.join(30)
    assert f"the test's file {path} has not taken a line for 0 s" in words
    assert mend_of(words).startswith("look at the disk and its mount")
    assert troubles() == []
    assert path.read_text() == "a line\n"


@pytest.mark.row(58)
@pytest.mark.parametrize("how", ["removed", "folder removed", "renamed", "replaced"])
def test_a_file_that_is_taken_away_is_made_anew_and_told(made, caplog, how):
    file, path = made
    file.write("before\n")
    if how == "renamed":
        path.rename(path.with_name("old"))
    else:
        path.unlink()
    if how == "folder removed":
        path.parent.rmdir()
    if how == "replaced":
        path.touch()
    file.write("after\n")
    file.write("after\n")
    assert path.read_text() == "after\nafter\n"
    assert [record.getMessage() for record in caplog.records] == [
        f"the test's file {path} was removed or replaced; it is made anew"
    ]


@pytest.mark.row(58)
def test_a_line_that_a_kill_tore_is_not_joined(made, full_disk):
    file, path = made
    file.write("whole\n")
    file.close()
    with path.open("a") as torn:
        torn.write("tor")
    next_life = LineFile(path, max_bytes=100, keep=2, what="the test's file")
    full_disk(2)
    next_life.write("lost\n")
    full_disk(None)
    next_life.write("first\n")
    next_life.write("second\n")
    next_life.close()
    assert path.read_text() == "whole\ntor\nfirst\nsecond\n"


def test_what_a_disk_does_not_cut_off_is_not_joined(made, full_disk, monkeypatch):
    def refused(_fd: int, _size: int) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    file, path = made
    file.write("before\n")
    full_disk(3)
    monkeypatch.setattr(log_file.os, "ftruncate", refused)
    file.write("lost\n")
    file.write("lost\n")
    full_disk(None)
    file.write("after\n")
    assert path.read_text() == "before\nlos\nafter\n"


def test_a_read_only_disk_is_told_and_heals(made, monkeypatch, caplog):
    def refused(*_args: object, **_options: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    file, path = made
    with monkeypatch.context() as patch:
        patch.setattr(log_file, "open_own", refused)
        for _ in range(3):
            file.write("lost\n")
    [words] = troubles()
    assert words == f"the test's file {path} cannot be written: Read-only file system"
    assert mend_of(words).startswith("mount the disk writable")
    assert caplog.text.count("cannot be written") == 1
    file.write("a line\n")
    assert path.read_text() == "a line\n"
    assert troubles() == []


def test_a_link_is_not_followed(tmp_path, caplog):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    link = tmp_path / "link.log"
    link.symlink_to(precious)
    file = LineFile(link, max_bytes=100, keep=1, what="the test's file")
    file.write("a line\n")
    file.close()
    assert precious.read_text() == "kept"
    assert troubles() == [], "a closed file is nobody's trouble"
    assert "is no plain file" in caplog.text


def test_a_file_has_one_writer(made, caplog):
    """Also while it rotates, and under another name: two would lose each other's."""
    first, path = made
    first.write("a\n")
    other = path.parent / ".." / path.parent.name / path.name
    second = LineFile(other, max_bytes=100, keep=2, what="another")
    for number in range(40):
        second.write("lost\n")
        first.write(f"line {number}\n")
    [words] = troubles()
    assert words == f"another {other} cannot be written: {log_file.TAKEN}"
    assert len(caplog.records) == 1
    whole = [each.read_text() for each in path.parent.iterdir()]
    assert len(whole) == 3
    assert "lost" not in "".join(whole)
    first.close()
    second.write("mine\n")
    second.close()
    assert path.read_text().endswith("mine\n")
    assert "can be written again; 40 of its lines were lost" in caplog.text


def test_a_file_system_without_locks_is_written(made, monkeypatch):
    def no_locks(_fd: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(log_file.fcntl, "flock", no_locks)
    file, path = made
    file.write("a\n")
    assert path.read_text() == "a\n"


def test_what_is_there_is_kept(tmp_path):
    path = tmp_path / "some.log"
    for number in range(2):
        file = LineFile(path, max_bytes=100, keep=1, what="the test's file")
        file.write(f"{number}\n")
        file.close()
    assert path.read_text() == "0\n1\n"


def test_the_log_goes_there_too(made):
    file, path = made
    with also_logging_to(file, "json"):
        logging.getLogger("sswd.test").warning("words", extra={"run": 3})
    event = json.loads(path.read_text())
    assert (event["message"], event["run"]) == ("words", 3)
    logging.getLogger("sswd.test").warning("after")
    assert len(path.read_text().splitlines()) == 1


def test_levels_of_loggers_are_given_back():
    logger, root = logging.getLogger("sswd.test.levels"), logging.getLogger()
    before = root.level
    with levels({"sswd.test.levels": "ERROR", "root": "DEBUG"}):
        assert (logger.level, root.level) == (logging.ERROR, logging.DEBUG)
    assert (logger.level, root.level) == (logging.NOTSET, before)


def test_a_relative_place_is_in_the_state_directory(monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/sswd")
    assert place_of("stage.log", "log.file") == Path("/var/lib/sswd/stage.log")
    assert place_of("/var/log/stage.log", "log.file") == Path("/var/log/stage.log")


def test_a_home_directory_that_is_not_known_is_told_with_the_key(monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/sswd")
    with pytest.raises(
        ConfigError, match=r"audit\.file: '~nobody\.here/puts': no home"
    ):
        place_of("~nobody.here/puts", "audit.file")
