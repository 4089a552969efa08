"""Log records that wait to be sent; the oldest are dropped and counted.

Threading model: any thread may append; `send` belongs to the holder of the outbox's
write lock.
"""

import logging
from collections import deque

from sswd.pipe.framing import FrameWriter
from sswd.pipe.protocol import Log

MAX_RECORDS = 256


class LogQueue:
    """At most MAX_RECORDS unsent log records."""

    def __init__(self) -> None:
        self.records: deque[Log] = deque(maxlen=MAX_RECORDS)
        """Those that wait; for reading only."""
        self._dropped = 0

    def append(self, record: Log) -> None:
        """Queue a record; beyond MAX_RECORDS the oldest is dropped and counted."""
        self._dropped += len(self.records) == MAX_RECORDS
        self.records.append(record)

    def send(self, writer: FrameWriter) -> None:
        """Send all that wait, and how many were dropped."""
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            words = f"{dropped} log records dropped: the IOC was behind"
            writer.send(Log(logging.WARNING, "sswd.worker", words))
        while self.records:
            writer.send(self.records.popleft())
