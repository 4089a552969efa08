"""The park routine: puts the hardware into a safe state when the worker cannot.

It is "module:function", called with the system's `args` in a process of its own, which
may take `park_s` seconds; then it is killed. Its output goes into the log.

Threading model: the loop's own; the process's bridge is the thread.
"""

import asyncio
import logging
from collections.abc import Callable

from sswd.ioc.process.exit_words import exit_words, failed_words
from sswd.ioc.process.run import Run
from sswd.ioc.supervision.lifecycle import Event
from sswd.pipe.protocol import Failed, Loaded, Message

log = logging.getLogger("sswd.ioc")


class Parker:
    """Runs the routine; PARKED follows always, at once where there is no routine."""

    def __init__(
        self,
        launch: Callable[[], Run] | None,
        feed: Callable[[Event], None],
        limit_s: float,
    ) -> None:
        self._launch = launch
        self._feed = feed
        self._limit_s = limit_s
        self._run: Run | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether the routine runs, or its end has not been told yet."""
        return self._run is not None

    def is_mine(self, run: Run) -> bool:
        """Whether this process is the park routine."""
        return run is self._run

    def park(self) -> None:
        """Start the routine."""
        if self._launch is None:
            self._feed(Event.PARKED)
            return
        try:
            self._run = self._launch()
        except OSError as ex:
            log.error(
                "the park routine cannot be started: %s; the hardware is not parked", ex
            )
            self._feed(Event.PARKED)
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._limit_s, self._overdue)

    def on_message(self, message: Message) -> None:
        """A message of the park process."""
        assert self._run is not None
        match message:
            case Loaded():
                self._run.let_begin()
            case Failed():
                self._run.failed = message
            case _:
                pass

    def gone(self, run: Run, code: int | None) -> None:
        """The routine has ended."""
        self._run = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if run.failed is not None:
            words = failed_words(run.failed)
        else:
            words = exit_words(code, run.killed_for)
        if code == 0:
            log.info("park routine of system '%s' done", run.name)
        else:
            log.error("park routine of system '%s' %s", run.name, words)
        self._feed(Event.PARKED)

    def _overdue(self) -> None:
        assert self._run is not None
        self._run.kill(f"not done within park_s = {self._limit_s:g} s")
