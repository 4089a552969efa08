"""What is left of a daemon that ended by an error, and who is told of it."""

import os
import time
from pathlib import Path

import pytest

from sswd.control.client import NoDaemonError
from sswd.control.finding import find
from sswd.control.last_end import last_ends, noting_end
from sswd.directories import file_stem
from sswd.errors import ConfigError, PortTakenError, PrefixTakenError

FILE = Path("/lab/stage.toml")
TAKEN = "cannot listen on TCP port 5064, the default: Address already in use"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    return tmp_path / "run"


def end_by(error: Exception, *prefixes: str, file: Path | None = FILE) -> None:
    """A daemon that ends so."""
    with pytest.raises(type(error)), noting_end(file, prefixes):
        raise error


def told(prefix: str | None = None, file: Path | None = None) -> str:
    """What who asks for a daemon hears."""
    with pytest.raises(NoDaemonError) as caught:
        find(prefix, file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("error", "code"),
    [(PortTakenError(TAKEN), 69), (ConfigError("x"), 78), (ValueError("x"), 1)],
)
def test_an_error_leaves_its_words_and_its_exit_code(error, code: int) -> None:
    end_by(error, "LAB:", "LAB:A:")
    [end] = last_ends()
    assert (end.code, end.words, end.file) == (code, str(error), str(FILE))
    assert end.prefixes == ["LAB:", "LAB:A:"]


def test_who_finds_no_daemon_hears_why_and_what_to_do() -> None:
    end_by(PortTakenError(TAKEN), "LAB:")
    for words in (told(), told("LAB:"), told(file=FILE)):
        assert f"with exit code 69: {TAKEN}; do: `ss -lntup` shows" in words
    for words in (told("OTHER:"), told(file=Path("/lab/other.toml"))):
        assert "exit code" not in words
        assert "do: start one" in words


def test_a_configuration_that_cannot_be_read_is_told_by_its_file() -> None:
    end_by(ConfigError("unknown key 'sistem'"))
    assert "exit code 78: unknown key 'sistem'; do: correct that" in told(file=FILE)
    with noting_end(FILE):
        pass  # it can be read now
    assert last_ends() == []


def test_an_orderly_end_leaves_nothing_and_takes_away_what_was() -> None:
    end_by(PortTakenError(TAKEN), "LAB:")
    with noting_end(FILE):
        pass  # that it can be read says nothing about the port
    assert len(last_ends()) == 1
    with noting_end(FILE, ["LAB:"]):
        pass
    assert last_ends() == []


def test_that_another_daemon_has_the_prefix_is_no_news_about_that_one() -> None:
    end_by(PrefixTakenError("prefix 'LAB:' is served on this host already"), "LAB:")
    assert last_ends() == []


def test_a_daemon_that_was_started_later_ends_the_news(folder: Path) -> None:
    """It may have been killed since, which nobody could note."""
    end_by(PortTakenError(TAKEN), "LAB:")
    lock = folder / f"{file_stem('LAB:')}.lock"
    lock.touch()
    os.utime(lock, (time.time() + 1.0,) * 2)
    assert last_ends() == []


def test_without_a_file_it_is_told_by_its_prefix() -> None:
    end_by(PortTakenError(TAKEN), "LAB:", file=None)
    assert "exit code 69" in told("LAB:")


def test_what_cannot_be_written_or_read_is_not_told(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in its place")
    end_by(PortTakenError(TAKEN), "LAB:")
    folder.unlink()
    folder.mkdir()
    (folder / "torn.end").write_text('{"file"')
    (folder / "link.end").symlink_to("/etc/passwd")
    assert last_ends() == []
