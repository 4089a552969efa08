"""The worker's stdout and stderr, line by line, in the IOC's log; never a flood.

Threading model: belongs to the bridge's thread; `hear` is the loop's.
"""

import logging
import time
from collections import deque

from sswd.ratelimit import Clock, OncePerPeriod, TokenBucket

TAIL = 50
"""Last lines of a worker's stdout and stderr that are kept for its post-mortem."""
MAX_LINE = 2000  # bytes; a driver may print a megabyte without a newline


class Heard:
    """The lines of a worker's output from a moment on, whatever the log makes of them.

    Bound: `max_bytes`; what comes then is left out, and told. `add` is for the bridge's
    thread, all else for the loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._lines: list[bytes] = []
        self._newest_s: float | None = None
        self.is_over = False

    def add(self, line: bytes) -> None:
        """One line has come."""
        if self.is_over:
            return
        self._newest_s = time.monotonic()
        if self._left > 0:
            self._left -= len(line) + 1
            self._lines.append(line if self._left >= 0 else b"... (cut)")

    @property
    def has_lines(self) -> bool:
        """Whether any line has come."""
        return self._newest_s is not None

    def is_quiet(self, for_s: float) -> bool:
        """Whether there were lines, and so long none."""
        newest_s = self._newest_s
        return newest_s is not None and time.monotonic() - newest_s >= for_s

    def end(self) -> list[str]:
        """What has come; it hears no more."""
        self.is_over = True
        return [_text(line) for line in self._lines]


class OutputLog:
    """The worker's stdout and stderr, line by line, into the IOC's log."""

    def __init__(
        self, log: logging.Logger, name: str, clock: Clock | None = None
    ) -> None:
        self._log = log
        self._name = name
        self._rest = b""
        self._tail: deque[bytes] = deque(maxlen=TAIL)
        self._hearers: tuple[Heard, ...] = ()
        self._bucket = TokenBucket(clock=clock)
        self._drops_logged = OncePerPeriod(1.0, clock)

    @property
    def holds_back(self) -> bool:
        """Whether `flush` has dropped lines to log later."""
        return self._bucket.kept_back > 0

    def hear(self, heard: Heard) -> None:
        """From now on tell it each line, until its end. Loop."""
        others = (each for each in self._hearers if not each.is_over)
        self._hearers = (*others, heard)

    def feed(self, data: bytes) -> None:
        """Take what the worker wrote."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._log_line(line)
        whole = len(rest) // MAX_LINE * MAX_LINE
        for start in range(0, whole, MAX_LINE):
            self._log_line(rest[start : start + MAX_LINE])
        self._rest = rest[whole:]

    def flush(self) -> None:
        """Log, once a second, how many lines were dropped."""
        if self.holds_back and self._drops_logged.take() is not None:
            self._log_dropped()

    def end(self) -> list[str]:
        """The last lines, when the worker is gone."""
        if self._rest:
            self._log_line(self._rest)
            self._rest = b""
        if self.holds_back:
            self._log_dropped()
        return [_text(line) for line in self._tail]

    def _log_line(self, line: bytes) -> None:
        # Decoded when it is shown only: 20 MB of binary cost the IOC 10 s of CPU.
        self._tail.append(line[:MAX_LINE])
        for heard in self._hearers:
            heard.add(line[:MAX_LINE])
        if self._bucket.take():
            self._log.info("worker %s: %s", self._name, _text(line))

    def _log_dropped(self) -> None:
        self._log.warning(
            "worker %s: %d lines of output dropped, it prints too fast",
            self._name,
            self._bucket.collect_kept_back(),
        )


def _text(line: bytes) -> str:
    return line[:MAX_LINE].decode(errors="backslashreplace").rstrip("\r")
