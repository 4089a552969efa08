"""Times after which an event of the lifecycle follows."""

import asyncio
from collections.abc import Callable

from sswd.ioc.supervision.lifecycle import Event


class EventTimers:
    """At most one time for each event. The loop's own."""

    def __init__(self, feed: Callable[[Event], None]) -> None:
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Event, asyncio.TimerHandle] = {}

    def arm(self, event: Event, delay_s: float | None) -> None:
        """Feed `event` after `delay_s` from now; None: not any more."""
        self.cancel(event)
        if delay_s is not None:
            self._timers[event] = self._loop.call_later(delay_s, self._feed, event)

    def cancel(self, *events: Event) -> None:
        """Feed none of these any more."""
        for event in events:
            timer = self._timers.pop(event, None)
            if timer is not None:
                timer.cancel()

    def cancel_all(self) -> None:
        """Feed nothing any more."""
        self.cancel(*list(self._timers))
