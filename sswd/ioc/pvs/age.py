"""When a value is too old: each PV with `stale_s` is looked at when it is due.

The age counts from the arrival of a post here, so it holds whatever the worker does: a
thread of it that has ended, a callback that has stopped. It begins when the worker is
RUNNING, so that a PV that was never posted becomes stale too.

Threading model: the loop's own.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

from sswd.ioc.pvs.fed_pv import FedPv


class Ages:
    """The ages of the PVs of one system."""

    def __init__(self, on_stale: Callable[[FedPv], None]) -> None:
        """`on_stale(fed)` is called once when a value has become too old."""
        self._on_stale = on_stale
        self._timers: dict[FedPv, asyncio.TimerHandle] = {}
        self._is_running = False

    def start(self, pvs: Iterable[FedPv]) -> None:
        """The worker is RUNNING: the ages of these begin now."""
        self.stop()
        self._is_running = True
        for fed in pvs:
            self.watch(fed)

    def watch(self, fed: FedPv) -> None:
        """The age of this one begins now, if any runs."""
        if self._is_running and fed.stale_s:
            fed.posted_s = time.monotonic()
            self._arm(fed, fed.stale_s)

    def posted(self, fed: FedPv) -> None:
        """A value has come. A timer that stands is not moved: it looks when due."""
        fed.posted_s = time.monotonic()
        if self._is_running and fed not in self._timers:
            self._arm(fed, fed.stale_s)

    def stop(self) -> None:
        """No value gets older: there is no worker."""
        self._is_running = False
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _arm(self, fed: FedPv, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers[fed] = loop.call_later(delay_s, self._look, fed)

    def _look(self, fed: FedPv) -> None:
        del self._timers[fed]
        left_s = fed.posted_s + fed.stale_s - time.monotonic()
        if left_s > 0:
            self._arm(fed, left_s)
        else:
            self._on_stale(fed)
