"""The last lines of the log, for who asks the daemon.

Threading model: any thread logs and never waits; the loop reads. What is logged is
formatted at once, so that nothing of a record outlives its call. Bound: LINES events of
about CHARACTERS each; the oldest go.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterator

from sswd.logs import JsonLines, RateLimit

LINES = 2000
CHARACTERS = 8000
"""Of one event; a longer one is told without its fields and its traceback."""


class LogRing(logging.Handler):
    """A handler of the root logger while the daemon runs."""

    def __init__(self, lines: int = LINES) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.addFilter(RateLimit())
        self._lines: deque[bytes] = deque(maxlen=lines)
        self._written = 0
        self._readers = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one event; wake who waits for it."""
        try:
            text = self.format(record)
            if len(text) > CHARACTERS:
                text = self.format(_shortened(record))
        except Exception:  # noqa: BLE001 - logging's rule: a bad call hurts no caller
            self.handleError(record)
            return
        with self._readers:
            self._lines.append(text.encode())
            self._written += 1
            waiting, self._waiting = self._waiting, set()
        for loop, event in waiting:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(event.set)

    @property
    def written(self) -> int:
        """How many events there were so far: where a reader begins that wants new."""
        return self._written

    def since(self, number: int, most: int = LINES) -> tuple[int, list[bytes], int]:
        """(next number, events as JSON, how many are lost) from event `number` on."""
        with self._readers:
            first = self._written - len(self._lines)
            begin = max(number, first)
            end = min(self._written, begin + most)
            found = [self._lines[i - first] for i in range(begin, end)]
        return end, found, begin - number

    async def wait(self, number: int) -> None:
        """Until there is an event `number`. Loop."""
        while self._written <= number:
            waiter = asyncio.get_running_loop(), asyncio.Event()
            with self._readers:
                if self._written > number:
                    return
                self._waiting.add(waiter)
            try:
                await waiter[1].wait()
            finally:
                with self._readers:
                    self._waiting.discard(waiter)


@contextlib.contextmanager
def log_ring() -> Iterator[LogRing]:
    """A ring that keeps what is logged within the block."""
    ring = LogRing()
    root = logging.getLogger()
    root.addHandler(ring)
    try:
        yield ring
    finally:
        root.removeHandler(ring)
        ring.close()


def _shortened(record: logging.LogRecord) -> logging.LogRecord:
    short = logging.makeLogRecord(
        {
            "name": record.name[:CHARACTERS],
            "levelno": record.levelno,
            "levelname": record.levelname,
            "created": record.created,
        }
    )
    short.msg = f"{record.getMessage()[: CHARACTERS // 2]}... (cut)"
    return short
