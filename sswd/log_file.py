"""Files of lines that stay small: the log's and the audit's.

A line is written whole or not at all: what a full disk took half of is cut off again. A
line that a SIGKILL tore is left as it is, and the next one begins on a line of its own.
The files NAME, NAME.1, NAME.2, ... are rotated as logging.handlers does it. A file that
somebody took away (rm, mv) is made anew, and that is told. What cannot be written is
told once, and once when it can be again. A file has one writer, which holds a flock on
it: two would rotate each other's files.
"""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal, Protocol

from sswd.directories import make_own, open_own, state_directory
from sswd.errors import ConfigError, NotOursError
from sswd.logs import JsonLines, LineHandler, TextLines, also_logging

log = logging.getLogger("sswd.log")

MODE = 0o640
"""A site's log reader is of our group."""


def place_of(file: str, key: str) -> Path:
    """Where a file of the configuration is: relative ones in the state directory.

    Raises ConfigError, which names the `key`.
    """
    try:
        return state_directory() / Path(file).expanduser()
    except RuntimeError:  # no such user, or one without HOME as in containers
        words = "no home directory is known for it; begin with / instead of ~"
        raise ConfigError(f"{key}: {file!r}: {words}") from None


MEND = "make room, give the daemon the right to write there, or name another file"
TAKEN = "another daemon writes it, or this one does already"


HANGS_S = 5.0
"""A write that takes longer is told of."""


class Troubled(Protocol):
    """What may be unable to keep lines."""

    @property
    def trouble(self) -> str:
        """Why it cannot, in words; empty: it can. Any thread."""
        ...


def troubles() -> list[str]:
    """What is wrong with what writes lines now, in words. Any thread."""
    return [words for each in tuple(_watched) if (words := each.trouble)]


def watch(thing: Troubled) -> None:
    """Tell of its trouble, until `unwatch`."""
    _watched.add(thing)


def unwatch(thing: Troubled) -> None:
    """Tell of its trouble no more."""
    _watched.discard(thing)


class LineFile:
    """Takes lines and never raises. `write` is for one thread.

    `what` is the name of the file in words, such as "the audit log".
    """

    def __init__(self, path: Path, *, max_bytes: int, keep: int, what: str) -> None:
        self._what = what
        self._path = path
        self._lost = 0
        self._rotating = _Rotating(path, max_bytes, keep)
        self._failure = ""
        """Why the last line could not be written, in words."""
        self._began_s: float | None = None
        """When the write began that has not ended."""
        watch(self)

    @property
    def trouble(self) -> str:
        """Why nothing can be written now, in words. Any thread."""
        began_s = self._began_s
        if began_s is not None and (since_s := time.monotonic() - began_s) > HANGS_S:
            what = f"{self._what} {self._path}"
            return f"{what} has not taken a line for {since_s:.0f} s: its disk hangs"
        return self._failure

    def write(self, line: str) -> None:
        """Write a line with its line feed, or count it as lost."""
        self._began_s = time.monotonic()
        try:
            self._write(line)
        finally:
            self._began_s = None

    def _write(self, line: str) -> None:
        try:
            if self._rotating.is_taken_away():
                words = "%s %s was removed or replaced; it is made anew"
                log.warning(words, self._what, self._path)
            self._rotating.emit(logging.makeLogRecord({"msg": line}))
        except (OSError, NotOursError) as error:
            self._lost += 1
            if self._lost == 1:
                why = error.strerror if isinstance(error, OSError) else None
                self._failure = (
                    f"{self._what} {self._path} cannot be written: {why or error}"
                )
                words = "%s; its lines are lost until it can; %s"
                log.error(words, self._failure, MEND)
        else:
            self._tell_recovery()

    def flush(self) -> None:
        """Every line is written when `write` returns."""

    def close(self) -> None:
        """Close the file."""
        unwatch(self)
        with contextlib.suppress(OSError):
            self._rotating.close()

    def _tell_recovery(self) -> None:
        if self._lost:
            lost, self._lost, self._failure = self._lost, 0, ""
            text = "%s %s can be written again; %d of its lines were lost"
            log.warning(text, self._what, self._path, lost)


_watched: set[Troubled] = set()


class _Rotating(RotatingFileHandler):
    """The standard library's rotation around a stream of whole lines.

    `emit` raises what went wrong, instead of printing it.
    """

    terminator = ""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=keep, delay=True)

    def is_taken_away(self) -> bool:
        """Whether the open file has its name no more; the next line opens anew."""
        if self.stream is None:
            return False
        try:
            named = os.lstat(self.baseFilename)
            if os.path.samestat(named, os.fstat(self.stream.fileno())):
                return False
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:
            return False  # whoever may not ask may write all the same
        gone, self.stream = self.stream, None
        with contextlib.suppress(OSError):
            gone.close()
        return True

    def _open(self) -> Any:
        path = Path(self.baseFilename)
        if not path.parent.exists():
            make_own(path.parent)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        fd = open_own(path, flags, mode=MODE)
        try:
            _take(fd)
            return _WholeLines(fd)
        except (OSError, NotOursError):
            os.close(fd)
            raise

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802
        """Called where the exception is being handled."""
        raise  # noqa: PLE0704 - logging calls this inside its `except`


def _take(fd: int) -> None:
    """Be its only writer, until it is closed. Raises NotOursError: another one is."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotOursError(TAKEN) from None
    except OSError:
        return  # a file system without locks


class _WholeLines:
    """An open file, without a buffer: the stream that a handler writes to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        size = os.fstat(fd).st_size
        self._is_torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        """Whether the file ends with half of a line."""

    def write(self, text: str) -> None:
        """All of it, or nothing and OSError."""
        data = text.encode("utf-8", "backslashreplace")
        if self._is_torn:
            data = b"\n" + data
        size = os.fstat(self._fd).st_size
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError:
            try:
                os.ftruncate(self._fd, size)
            except OSError:
                self._is_torn |= written > 0
            raise
        self._is_torn = False

    def fileno(self) -> int:
        """As a file's."""
        return self._fd

    def seek(self, offset: int, whence: int) -> int:
        """As a file's."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """As a file's."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def flush(self) -> None:
        """There is no buffer."""

    def close(self) -> None:
        """As a file's."""
        os.close(self._fd)


@contextlib.contextmanager
def also_logging_to(file: LineFile, form: Literal["text", "json"]) -> Iterator[None]:
    """Log to a file, too, within the block; then write what waits, and close it."""
    handler = LineHandler(file, name="sswd-log-file")
    try:
        with also_logging(handler, JsonLines() if form == "json" else TextLines()):
            yield
    finally:
        file.close()


@contextlib.contextmanager
def levels(wanted: Mapping[str, str]) -> Iterator[None]:
    """Give loggers levels of their own within the block; "root" is all others'."""
    loggers = {logging.getLogger(name): level for name, level in wanted.items()}
    before = [(logger, logger.level) for logger in loggers]
    for logger, level in loggers.items():
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, number in before:
            logger.setLevel(number)
