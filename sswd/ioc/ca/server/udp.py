"""Bounds for caproto's UDP search: a flood of datagrams may not fill the memory."""

import asyncio
from collections import deque

from sswd.ioc.ca.limits import Counts

MOST_DATAGRAMS = 1000

Datagram = tuple[str, bytes | Exception, tuple[str, int] | None]


class DatagramQueue:
    """The queue between caproto's UDP protocol and its search loop. Loop thread only.

    When full the newest datagram is dropped and counted: clients search again.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._datagrams: deque[Datagram] = deque()
        self._filled = asyncio.Event()

    def put(self, datagram: Datagram) -> None:
        """Called for every datagram."""
        if len(self._datagrams) >= MOST_DATAGRAMS:
            self._counts.searches_dropped += 1
            return
        self._datagrams.append(datagram)
        self._filled.set()

    async def async_get(self) -> Datagram:
        """The oldest datagram, when there is one."""
        while not self._datagrams:
            self._filled.clear()
            await self._filled.wait()
        return self._datagrams.popleft()
