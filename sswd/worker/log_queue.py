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
        self._records: deque[Log] = deque(maxlen=MAX_RECORDS)
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._records)

    def append(self, record: Log) -> None:
        """Queue a record; beyond MAX_RECORDS the oldest is dropped and counted."""
        self._dropped += len(self._records) == MAX_RECORDS
        self._records.append(record)

    def send(self, writer: FrameWriter) -> None:
        """Send all that wait, and how many were dropped."""
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            words = f"{dropped} log records dropped: the IOC was behind"
            writer.send(Log(logging.WARNING, "sswd.worker", words))
        while self._records:
            writer.send(self._records.popleft())
