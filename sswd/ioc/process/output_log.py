"""The worker's stdout and stderr, line by line, in the IOC's log; never a flood.

Threading model: belongs to the bridge's thread.
"""

import logging
import time
from collections import deque

from sswd.ratelimit import TokenBucket

TAIL = 50
"""Last lines of a worker's stdout and stderr that are kept for its post-mortem."""
MAX_LINE = 2000  # bytes; a driver may print a megabyte without a newline


class OutputLog:
    """The worker's stdout and stderr, line by line, into the IOC's log."""

    def __init__(self, log: logging.Logger, name: str) -> None:
        self._log = log
        self._name = name
        self._rest = b""
        self._tail: deque[bytes] = deque(maxlen=TAIL)
        self._bucket = TokenBucket()
        self._dropped = 0
        self._told_s = 0.0

    @property
    def holds_back(self) -> bool:
        """Whether `flush` has something to tell later."""
        return self._dropped > 0

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
        """Tell, once a second, how many lines were dropped."""
        if self._dropped and time.monotonic() - self._told_s > 1.0:
            self._told_s = time.monotonic()
            self._log.warning(
                "worker %s: %d lines of output dropped, it prints too fast",
                self._name,
                self._dropped,
            )
            self._dropped = 0

    def end(self) -> list[str]:
        """The last lines, when the worker is gone."""
        if self._rest:
            self._log_line(self._rest)
            self._rest = b""
        self._told_s = 0.0
        self.flush()
        return [_text(line) for line in self._tail]

    def _log_line(self, line: bytes) -> None:
        # Decoded when it is shown only: 20 MB of binary cost the IOC 10 s of CPU.
        self._tail.append(line[:MAX_LINE])
        if self._bucket.take():
            self._log.info("worker %s: %s", self._name, _text(line))
        else:
            self._dropped += 1


def _text(line: bytes) -> str:
    return line[:MAX_LINE].decode(errors="backslashreplace").rstrip("\r")
