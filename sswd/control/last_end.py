"""How the last daemon ended, where it did so by an error: for who asks when none runs.

One small file beside the locks of prefixes, NAME.end. `sswd run` writes it when it ends
by an error, so that a start that fails leaves its words for `sswd status`, and removes
it at an orderly end. One that is older than the last start of a daemon with its prefix
is not told. What cannot be written or read is not told either.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from sswd.directories import (
    file_stem,
    make_own,
    open_own,
    runtime_directories,
    runtime_directory,
)
from sswd.errors import (
    ConfigError,
    LoadError,
    NotOursError,
    PortTakenError,
    PrefixTakenError,
)
from sswd.exit_codes import BAD_CONFIGURATION, TAKEN, UNEXPECTED

SUFFIX = ".end"
_WORDS = 2000
_MAX_BYTES = 1 << 16


class LastEnd(Struct, frozen=True, kw_only=True):
    """The end of one daemon."""

    file: str
    """Its configuration; empty: it had none."""
    prefixes: list[str]
    """Empty: its configuration could not be read."""
    at: float
    """Seconds since 1970."""
    code: int
    """Its exit code."""
    words: str


@contextlib.contextmanager
def noting_end(file: Path | None, prefixes: Sequence[str] = ()) -> Iterator[None]:
    """Leave a note if the block ends by an error, which goes on; else there is none.

    `prefixes` are not known while the configuration is read. That another daemon has
    the prefix is no news about that one.
    """
    name = "" if file is None else str(file)
    try:
        yield
    except PrefixTakenError:
        raise
    except Exception as ex:
        code = UNEXPECTED
        if isinstance(ex, ConfigError | LoadError):
            code = BAD_CONFIGURATION
        elif isinstance(ex, PortTakenError):
            code = TAKEN
        words = (str(ex) or type(ex).__name__)[:_WORDS]
        known = list(prefixes)
        _write(
            LastEnd(file=name, prefixes=known, at=time.time(), code=code, words=words)
        )
        raise
    with contextlib.suppress(OSError, NotOursError, msgspec.MsgspecError):
        path = _path(name, prefixes)
        if prefixes or not _read(path).prefixes:
            path.unlink()


def last_ends() -> list[LastEnd]:
    """All that are found, the newest first."""
    found = []
    for folder in runtime_directories():
        with contextlib.suppress(OSError):  # it is not there, or not for us
            for path in folder.glob(f"*{SUFFIX}"):
                with contextlib.suppress(OSError, NotOursError, msgspec.MsgspecError):
                    end = _read(path)
                    if not _began_later(folder, end):
                        found.append(end)
    return sorted(found, key=lambda end: -end.at)


def _began_later(folder: Path, end: LastEnd) -> bool:
    """Whether a daemon with one of its prefixes was started after that."""
    for prefix in end.prefixes:
        with contextlib.suppress(OSError):
            lock = folder / f"{file_stem(prefix)}.lock"
            if lock.stat().st_mtime > end.at:
                return True
    return False


def _path(file: str, prefixes: Sequence[str]) -> Path:
    """By its configuration, which has a name also where it cannot be read."""
    return runtime_directory() / f"{file_stem(file or ''.join(prefixes[:1]))}{SUFFIX}"


def _write(end: LastEnd) -> None:
    with contextlib.suppress(OSError, NotOursError):
        path = _path(end.file, end.prefixes)
        make_own(path.parent)
        fd = open_own(path, os.O_WRONLY | os.O_CREAT)
        with os.fdopen(fd, "wb") as file:
            file.truncate()  # now that it is known to be ours
            file.write(msgspec.json.encode(end))


def _read(path: Path) -> LastEnd:
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        return msgspec.json.decode(file.read(_MAX_BYTES), type=LastEnd)
