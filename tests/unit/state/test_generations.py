"""Two generations on disk: one fault never costs both. The writer never blocks."""

import contextlib
import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sswd.errors import NotOursError
from sswd.ioc.state.format import Saved
from sswd.ioc.state.generations import Generations
from sswd.ioc.state.writer import StateWriter

TORTURE = Path(__file__).parents[2] / "soak" / "state_torture.py"
WAIT_S = 5.0
Open = Callable[[Path], Generations]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Makes Generations, and closes them."""
    made: list[Generations] = []

    def open_at(folder: Path) -> Generations:
        made.append(Generations(folder, "s"))
        return made[-1]

    yield open_at
    for generations in made:
        generations.close()


def one(value: object) -> dict[str, Saved]:
    return {"X": Saved(value, 1.0)}


def read(folder: Path) -> tuple[object, str]:
    found = Generations(folder, "s").read()
    saved = found.values.get("X")
    return (None if saved is None else saved.value), found.words


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_yet_is_no_fault(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == (None, "")


def test_the_newest_is_read_and_a_new_process_goes_on(
    tmp_path: Path, opened: Open
) -> None:
    folder = tmp_path / "state"
    for number in range(5):
        generations = opened(folder)
        generations.read()
        generations.write(one(number))
        generations.close()
        assert read(folder) == (number, "")
    assert files(folder) == ["s.a.state", "s.b.state", "s.lock"]


def test_only_its_owner_reads_it(tmp_path: Path, opened: Open) -> None:
    folder = tmp_path / "state"
    opened(folder).write(one(1))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_when_the_newest_is_torn_the_one_before_is_taken_and_kept(
    tmp_path: Path,
    opened: Open,
) -> None:
    generations = opened(tmp_path)
    generations.write(one("old"))
    generations.write(one("new"))
    torn = tmp_path / "s.b.state"
    torn.write_bytes(torn.read_bytes()[:-3])
    value, words = read(tmp_path)
    assert value == "old"
    assert words.startswith(f"{torn}: its checksum is wrong")
    # The next write replaces the torn one.
    generations.close()
    again = opened(tmp_path)
    again.read()
    again.write(one("newest"))
    (tmp_path / "s.b.state").write_bytes(b"")
    assert read(tmp_path)[0] == "old"


@pytest.mark.row(31)
def test_two_daemons_do_not_mix_their_values(tmp_path: Path, opened: Open) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.write(one("first"))
    with pytest.raises(NotOursError, match="another daemon saves the same prefix in"):
        second.write(one("second"))
    assert read(tmp_path) == ("first", "")
    first.close()
    second.read()
    second.write(one("second"))
    assert read(tmp_path) == ("second", "")


def test_two_torn_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "s.a.state").write_bytes(b"x")
    (tmp_path / "s.b.state").write_bytes(b"")
    value, words = read(tmp_path)
    assert value is None
    assert "s.a.state" in words
    assert "s.b.state" in words
    assert words.endswith("nothing is restored")


def test_a_link_is_not_followed(tmp_path: Path, opened: Open) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "s.a.state").symlink_to(target)
    (folder / "s.new").symlink_to(target)
    value, words = read(folder)
    assert value is None
    assert "link" in words
    writer_words: list[str] = []
    done = threading.Event()
    writer = StateWriter(opened(folder), lambda w: (writer_words.append(w), done.set()))
    writer.write(one(1))
    assert done.wait(WAIT_S)
    assert "link" in writer_words[0]
    assert target.read_text() == "precious"


class Disk:
    """A small disk of its own where mounting is allowed; else limits that are alike."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.is_mounted = self._mount("-t", "tmpfs", "-o", "size=64k", "tmpfs")

    def fill(self) -> None:
        if not self.is_mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, self._limit[1]))
            return
        with contextlib.suppress(OSError), (self.folder / "full").open("wb") as file:
            while True:
                file.write(bytes(1_000))
                file.flush()

    def free(self) -> None:
        (self.folder / "full").unlink(missing_ok=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limit)

    def set_read_only(self) -> None:
        if self.is_mounted:
            assert self._mount("-o", "remount,ro")
        else:
            self.folder.chmod(0o500)

    def close(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limit)
        signal.signal(signal.SIGXFSZ, self._handler)
        if self.is_mounted:
            subprocess.run(["umount", self.folder], check=True)
        self.folder.chmod(0o700)

    def _mount(self, *how: object) -> bool:
        done = subprocess.run(
            ["mount", *map(str, how), self.folder], capture_output=True, check=False
        )
        return done.returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    disk.close()


@pytest.mark.parametrize("is_late", [True, False])
def test_what_could_not_be_read_at_first_is_overtaken_and_kept(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    folder = tmp_path / "state"
    before = opened(folder)
    for number in range(4):
        before.write({"X": Saved(number, 1.0), "OTHER": Saved("kept", 1.0)})
    before.close()
    again = opened(folder)
    with monkeypatch.context() as fault:
        if is_late:  # a disk that is mounted after the start
            folder.rename(tmp_path / "away")
        else:
            eio = OSError(errno.EIO, os.strerror(errno.EIO))
            fault.setattr("sswd.ioc.state.generations._content", raising(eio))
        assert again.read().values == {}
    if is_late:
        (tmp_path / "away").rename(folder)
    for value in ("new", "newest"):
        again.write(one(value))
        found = Generations(folder, "s").read().values
        assert found == {"X": Saved(value, 1.0), "OTHER": Saved("kept", 1.0)}


def raising(error: Exception) -> Callable[..., object]:
    def fails(*_: object, **__: object) -> object:
        raise error

    return fails


def test_a_thread_that_cannot_be_had_is_a_failure_of_that_write(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    done = threading.Event()
    writer = StateWriter(opened(tmp_path), lambda w: (told.append(w), done.set()))
    with monkeypatch.context() as fault:
        no_thread = RuntimeError("can't start new thread")
        fault.setattr(threading.Thread, "start", raising(no_thread))
        writer.write(one("old"))
    assert told == [f"{tmp_path}: can't start new thread"]
    done.clear()
    writer.write(one("new"))
    assert done.wait(WAIT_S)
    assert told[1:] == [""]
    assert read(tmp_path) == ("new", "")


@pytest.mark.row(36, 58)
def test_when_the_disk_is_full_or_read_only_both_generations_stay(
    disk: Disk, opened: Open
) -> None:
    generations = opened(disk.folder)
    generations.write(one("old"))
    generations.write(one("new"))
    disk.fill()
    with pytest.raises(OSError, match=r"No space left|File too large"):
        generations.write(one("x" * 20_000))
    assert read(disk.folder) == ("new", "")
    names = set(files(disk.folder)) - {"full"}
    assert names == {"s.a.state", "s.b.state", "s.lock"}  # no part of a third
    disk.free()
    generations.write(one("newer"))
    assert read(disk.folder) == ("newer", "")
    generations.close()  # a file that is open for writing would keep it from it
    disk.set_read_only()
    with pytest.raises(OSError, match=r"Read-only|Permission denied"):
        generations.write(one("x"))
    assert read(disk.folder) == ("newer", "")


def test_when_the_disk_fails_to_sync_both_generations_stay(
    tmp_path: Path,
    opened: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generations = opened(tmp_path)
    generations.write(one("old"))
    generations.write(one("new"))

    def full(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("sswd.ioc.state.generations.os.fsync", full)
    with pytest.raises(OSError, match="Input/output"):
        generations.write(one("x"))
    monkeypatch.undo()
    assert read(tmp_path) == ("new", "")
    assert files(tmp_path) == ["s.a.state", "s.b.state", "s.lock"]


def test_a_slow_disk_blocks_nobody_and_gets_the_newest(
    tmp_path: Path,
    opened: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_free, is_in = threading.Event(), threading.Event()
    real, results = os.fsync, threading.Semaphore(0)

    def slow(fd: int) -> None:
        is_in.set()
        assert is_free.wait(WAIT_S)
        real(fd)

    monkeypatch.setattr("sswd.ioc.state.generations.os.fsync", slow)
    writer = StateWriter(opened(tmp_path), lambda _words: results.release())
    writer.write(one(0))
    assert is_in.wait(WAIT_S)
    for number in range(1, 100):
        writer.write(one(number))  # returns while the disk hangs
    is_free.set()
    for _ in range(2):  # the first and the last; nothing in between
        assert results.acquire(timeout=WAIT_S)
    assert not results.acquire(timeout=0.1)
    assert read(tmp_path) == (99, "")


@pytest.mark.row(36, 58)
def test_no_kill_at_any_instant_tears_or_loses_the_state() -> None:
    done = subprocess.run(
        [sys.executable, TORTURE, "--kills", "30"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
