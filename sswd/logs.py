"""The daemon's log: standard error, one line an event, text or JSON.

Threading model: any thread may log; no thread ever waits for standard error. One
thread, "sswd-log", writes. Overflow policy: 10,000 lines wait (a paused terminal, a
pipe that nobody reads); further ones are dropped and counted in a line of their own.
"""

import contextlib
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Literal, Protocol

import msgspec

from sswd.ratelimit import Clock, FewPerPeriod

LogFormat = Literal["text", "json"]

BACKLOG = 10_000
FLUSH_S = 1.0
"""What the end of the daemon grants to the last lines."""

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What would break a line or drive a terminal; names and texts come from clients too.
_CONTROL = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160))}
_CONTROL |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What the command line says about the log."""

    format: LogFormat = "text"
    level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR. caproto and asyncio are heard from WARNING on,
    unless it is DEBUG."""


@contextlib.contextmanager
def logging_to(options: LogOptions, stream: IO[str] | None = None) -> Iterator[None]:
    """Log to `stream` (default: standard error) within the block; then flush, detach.

    Python warnings are logged as well.
    """
    handler = LineHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonLines() if options.format == "json" else TextLines())
    handler.addFilter(RateLimit())
    root = logging.getLogger()
    quiet = [logging.getLogger(name) for name in ("caproto", "asyncio")]
    before = [(each, each.level) for each in (root, *quiet)]
    root.addHandler(handler)
    root.setLevel(options.level)
    for each in quiet:
        each.setLevel("DEBUG" if options.level == "DEBUG" else "WARNING")
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        for each, level in before:
            each.setLevel(level)
        handler.end()


@contextlib.contextmanager
def also_logging(handler: "LineHandler", form: logging.Formatter) -> Iterator[None]:
    """Log by one more handler within the block; then write what waits."""
    handler.setFormatter(form)
    handler.addFilter(RateLimit())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.end()


_OURS = ("sswd", "caproto", "asyncio", "py.warnings")
"""Loggers whose words are the daemon's, with all below them."""


@contextlib.contextmanager
def kept_logging() -> Iterator[None]:
    """What is imported within the block may add to logging, but silences nothing.

    A user's module may call dictConfig or basicConfig(force=True): both take other
    handlers away, the first one disables all loggers that are there. Main thread.
    """
    root = logging.getLogger()
    handlers, level, off = list(root.handlers), root.level, root.manager.disable
    factory = logging.getLogRecordFactory()
    names = [n for n in root.manager.loggerDict if n.partition(".")[0] in _OURS]
    loggers = [(x, x.level, x.propagate) for x in map(logging.getLogger, names)]
    try:
        yield
    finally:
        for handler in handlers:
            root.addHandler(handler)  # it is there once, however often it is added
        root.setLevel(level)
        logging.disable(off)
        if not _makes_records():
            logging.setLogRecordFactory(factory)
        for each, level_before, propagated in loggers:
            each.disabled, each.propagate = False, propagated
            each.setLevel(level_before)


def _makes_records() -> bool:
    """Whether the factory for log records works; one may add fields of its own."""
    with contextlib.suppress(Exception):
        return isinstance(logging.makeLogRecord({}), logging.LogRecord)
    return False


class Stream(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Write text."""
        ...

    def flush(self) -> object:
        """Hand on what waits in a buffer."""
        ...


class LineHandler(logging.Handler):
    """Formats in the thread that logs, writes in one of its own.

    `name` is that thread's.
    """

    def __init__(
        self, stream: Stream, *, name: str = "sswd-log", line_end: str = "\n"
    ) -> None:
        super().__init__()
        self._stream = stream
        self._line_end = line_end
        self._lines: queue.Queue[str | None] = queue.Queue(BACKLOG)
        # Counted by those who log, under the handler's lock; told by the thread.
        self._dropped = 0
        self._told = 0
        self._thread = threading.Thread(target=self._write, name=name, daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one event; never waits."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1
        except Exception:  # noqa: BLE001 - logging's rule: a bad call hurts no caller
            self.handleError(record)

    def end(self) -> None:
        """Write what waits, for at most FLUSH_S, and end the thread.

        Not by `close`, which others call as well: dictConfig, logging.shutdown.
        """
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=FLUSH_S)
        self._thread.join(FLUSH_S)
        self.close()

    def _write(self) -> None:
        # A closed standard error leaves nobody to tell; lines are then dropped.
        while (line := self._lines.get()) is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(line + self._line_end)
                self._tell_dropped()
                if self._lines.empty():
                    self._stream.flush()
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def _tell_dropped(self) -> None:
        dropped = self._dropped - self._told
        if dropped:
            self._told += dropped
            text = "lines of the log were dropped: nobody read them"
            record = logging.makeLogRecord(
                {"name": "sswd.log", "levelno": logging.WARNING, "levelname": "WARNING"}
                | {"msg": text, "lines": dropped}
            )
            self._stream.write(self.format(record) + self._line_end)


class TextLines(logging.Formatter):
    """`2026-01-31 12:00:00.123 WARNING sswd.ioc: text [run=3 pid=17]`, local time.

    A traceback follows on lines of its own, indented: an event starts in column 0.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One event."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        stamp = moment.isoformat(sep=" ", timespec="milliseconds")[:23]
        text = text_of(record).translate(_CONTROL)
        fields = " ".join(f"{k}={_short(v)}" for k, v in fields_of(record).items())
        lines = [
            f"{stamp} {record.levelname:<7} {record.name}: {text}"
            + (f" [{fields}]" if fields else "")
        ]
        lines += [line.translate(_CONTROL) for line in trace_of(record).splitlines()]
        return "\n    ".join(lines)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, the event's fields.

    `trace` holds a traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One event."""
        moment = datetime.fromtimestamp(record.created, UTC)
        event = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": text_of(record),
        }
        if trace := trace_of(record):
            event["trace"] = trace
        sayable = {k: _sayable(v) for k, v in (fields_of(record) | event).items()}
        return msgspec.json.encode(sayable, enc_hook=str).decode()


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What `extra=` gave."""
    return {k: v for k, v in vars(record).items() if k not in _PLAIN}


def text_of(record: logging.LogRecord) -> str:
    """The message; of a call whose arguments do not fit, what there is of it."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg!r} % {record.args!r}"


def _sayable(value: object) -> object:
    """Text without lone surrogates: bytes of a client that are no UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _short(value: object) -> str:
    text = str(value).translate(_CONTROL)
    return repr(text) if " " in text or not text else text


def trace_of(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0]:
        return "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return record.exc_text or ""


def log_with_trace(
    logger: logging.Logger, level: int, trace: str, text: str, *args: object
) -> None:
    """Log `text % args` with a traceback that came as text, from another process.

    It belongs to the one event, as `exc_info` would; any formatter shows it. An empty
    `trace` is none. Any thread.
    """
    if not logger.isEnabledFor(level):
        return
    record = logger.makeRecord(logger.name, level, "", 0, text, args, None)
    record.exc_text = trace.rstrip() or None
    logger.handle(record)


class RateLimit(logging.Filter):
    """Lets `count` equal lines of one kind pass in `window_s`, and counts the rest.

    Equal means: same logger, level and text. The first line of a later window tells
    how many were dropped, in the field `dropped`. At most `kinds` texts are
    remembered; beyond, all are forgotten, so that no client chooses our memory.
    """

    def __init__(
        self,
        count: int = 10,
        window_s: float = 10.0,
        *,
        kinds: int = 1000,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._kinds = FewPerPeriod(count, window_s, clock, max_keys=kinds)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may pass; any thread."""
        key = (record.name, record.levelno, hash(text_of(record)))
        with self._lock:
            dropped = self._kinds.take(key)
        if dropped:
            record.dropped = dropped
        return dropped is not None
