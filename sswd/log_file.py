"""Files of lines that stay small: the log's and the audit's.

A line is written whole or not at all: what a full disk took half of is cut off again.
The files NAME, NAME.1, NAME.2, ... are rotated as logging.handlers does it. What cannot
be written is told once, and once when it can be again.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal

from sswd.directories import make_own, open_own, state_directory
from sswd.errors import NotOursError
from sswd.logs import JsonLines, LineHandler, TextLines, also_logging

log = logging.getLogger("sswd.log")

MODE = 0o640
"""A site's log reader is of our group."""


def place_of(file: str) -> Path:
    """Where a file of the configuration is: relative ones in the state directory."""
    return state_directory() / Path(file).expanduser()


MEND = "make room, or give the daemon the right to write there"


def troubles() -> list[str]:
    """What is wrong with the files that are open, in words. Any thread."""
    return [file.trouble for file in tuple(_open_files) if file.trouble]


class LineFile:
    """Takes lines and never raises. `write` is for one thread.

    `what` is the name of the file in words, such as "the audit log".
    """

    def __init__(self, path: Path, *, max_bytes: int, keep: int, what: str) -> None:
        self._what = what
        self._path = path
        self._lost = 0
        self._rotating = _Rotating(path, max_bytes, keep)
        self.trouble = ""
        """Why nothing can be written now, in words; any thread may read it."""
        _open_files.add(self)

    def write(self, line: str) -> None:
        """Write a line with its line feed, or count it as lost."""
        try:
            self._rotating.emit(logging.makeLogRecord({"msg": line}))
        except (OSError, NotOursError) as error:
            self._lost += 1
            if self._lost == 1:
                why = error.strerror if isinstance(error, OSError) else None
                self.trouble = (
                    f"{self._what} {self._path} cannot be written: {why or error}"
                )
                log.error("%s; its lines are lost until it can; %s", self.trouble, MEND)
        else:
            self._tell_recovery()

    def flush(self) -> None:
        """Every line is written when `write` returns."""

    def close(self) -> None:
        """Close the file."""
        _open_files.discard(self)
        with contextlib.suppress(OSError):
            self._rotating.close()

    def _tell_recovery(self) -> None:
        if self._lost:
            lost, self._lost, self.trouble = self._lost, 0, ""
            text = "%s %s can be written again; %d of its lines were lost"
            log.warning(text, self._what, self._path, lost)


_open_files: set[LineFile] = set()


class _Rotating(RotatingFileHandler):
    """The standard library's rotation around a stream of whole lines.

    `emit` raises what went wrong, instead of printing it.
    """

    terminator = ""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=keep, delay=True)

    def _open(self) -> Any:
        path = Path(self.baseFilename)
        if not path.parent.exists():
            make_own(path.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        return _WholeLines(open_own(path, flags, mode=MODE))

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802
        """Called where the exception is being handled."""
        raise  # noqa: PLE0704 - logging calls this inside its `except`


class _WholeLines:
    """An open file, without a buffer: the stream that a handler writes to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, text: str) -> None:
        """All of it, or nothing and OSError."""
        data = text.encode("utf-8", "backslashreplace")
        size = os.fstat(self._fd).st_size
        try:
            written = 0
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, size)
            raise

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
