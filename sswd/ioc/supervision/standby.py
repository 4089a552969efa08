"""A second worker that has imported the system's module and waits for Begin.

Two purposes: a crash is healed without the time of the imports (`standby = true`), and
at RESTART and HUP fresh code is imported before the running worker is stopped for it,
always: a typo must not end a healthy worker.

Threading model: the loop's own.
"""

import asyncio
import logging
from collections.abc import Callable

from sswd.ioc.process.exit_words import exit_words, failed_words
from sswd.ioc.process.run import Run
from sswd.ioc.supervision.lifecycle import Event
from sswd.pipe.protocol import Failed, Loaded, Message

log = logging.getLogger("sswd.ioc")

IMPORT_S = 60.0
"""Imports that take longer have gone astray, unless start_s says otherwise."""
AGAIN_S = 30.0
"""A standby that died while it waited is replaced after so long."""


class Standby:
    """At most one waiting worker. Without `is_wanted` there is one only between the
    import of fresh code and the end of the worker that it follows.

    While fresh code is imported the former one stays: it has the code of the worker
    that runs, and if the fresh code does not load, both go on.
    """

    def __init__(
        self,
        launch: Callable[[], Run],
        feed: Callable[[Event], None],
        *,
        is_wanted: bool,
        import_s: float | None = None,
    ) -> None:
        self._launch = launch
        self._feed = feed
        self._is_wanted = is_wanted
        self._import_s = import_s or IMPORT_S
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._run: Run | None = None
        self._former: Run | None = None
        self._is_refreshing = False
        self.words = ""
        """Why fresh code could not be imported."""

    def is_mine(self, run: Run) -> bool:
        """Whether this run waits here."""
        return run in (self._run, self._former)

    def prepare(self) -> None:
        """Have a worker imported for the next time."""
        if not self._is_wanted or self._run is not None:
            return
        try:
            self._launch_one()
        except OSError as ex:
            self._fail(f"it cannot be started: {ex}")

    def refresh(self) -> None:
        """Import the code anew; FRESH or STALE follows.

        A host that has no room for a second process is no reason to refuse a restart:
        the next start imports the code then.
        """
        if self._is_refreshing:
            _let_go(self._run)
        else:
            self._drop_former()
            self._former = self._run
        self._run = None
        try:
            self._launch_one()
        except OSError as ex:
            self.drop()
            log.warning("no process to import fresh code in (%s); the start does", ex)
            self._feed(Event.FRESH)
        else:
            self._is_refreshing = True

    def _launch_one(self) -> None:
        self._run = self._launch()
        self._arm(self._import_s, self._overdue)

    def take(self) -> Run | None:
        """The waiting worker, to begin now; it may be importing still. None: none."""
        run, self._run = self._run, None
        self._drop_former()
        self._is_refreshing = False
        self._arm(None)
        return run

    def drop(self) -> None:
        """Let the waiting worker go."""
        _let_go(self.take())

    def _drop_former(self) -> None:
        former, self._former = self._former, None
        _let_go(former)

    def on_message(self, run: Run, message: Message) -> None:
        """A message of a waiting worker."""
        match message:
            case Loaded():
                run.loaded = message
                if run is self._run:
                    self._on_loaded()
            case Failed():
                run.failed = message
            case _:
                pass

    def _on_loaded(self) -> None:
        self._drop_former()
        self._arm(None)
        if self._is_refreshing:
            self._is_refreshing = False
            self._feed(Event.FRESH)

    def gone(self, run: Run, code: int | None) -> None:
        """A waiting worker died: its import failed, or somebody killed it."""
        if run is self._former:
            self._former = None
            return
        self._run, self._former = self._former, None
        was_waiting = run.loaded is not None
        words = exit_words(code, run.killed_for)
        if run.failed is not None:
            words = failed_words(run.failed)
        self._fail(words)
        if self._run is not None and not self._run.loaded:
            self._arm(self._import_s, self._overdue)
        elif was_waiting:
            self._arm(AGAIN_S, self.prepare)

    def _overdue(self) -> None:
        if self._run is not None:
            self._run.kill(f"its import took longer than {self._import_s:g} s")

    def _fail(self, words: str) -> None:
        self.words = words
        log.warning("standby worker: %s; the next start imports the code itself", words)
        self._arm(None)
        if self._is_refreshing:
            self._is_refreshing = False
            self._feed(Event.STALE)

    def _arm(
        self, delay_s: float | None, call: Callable[[], None] | None = None
    ) -> None:
        """Call after a time, instead of what was armed; None: nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if delay_s is not None and call is not None:
            self._timer = self._loop.call_later(delay_s, call)


def restart_refused(why: str) -> str:
    """What LAST_ERROR says when fresh code does not load; with "": how it begins."""
    return f"restart refused, fresh code does not load: {why}"


def _let_go(run: Run | None) -> None:
    """It has no system yet, so nothing to close."""
    if run is not None:
        run.stop()
        run.process.kill()
