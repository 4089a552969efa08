"""A second worker that has imported the system's module and waits for Begin.

Two purposes: a crash is healed without the time of the imports (`standby = true`), and
fresh code is imported before the running worker is stopped for it.

Threading model: the loop's own.
"""

import logging
from collections.abc import Callable

from sswd.ioc.lifecycle import Event
from sswd.ioc.run import Run, failed_words
from sswd.protocol import Failed, Loaded, Message, Stop

log = logging.getLogger("sswd.ioc")


class Standby:
    """At most one waiting worker. Without `is_wanted` there never is one, and fresh
    code is left to the next start."""

    def __init__(
        self,
        launch: Callable[[], Run],
        feed: Callable[[Event], None],
        *,
        is_wanted: bool,
    ) -> None:
        self._launch = launch
        self._feed = feed
        self._is_wanted = is_wanted
        self._run: Run | None = None
        self._is_refreshing = False
        self.words = ""
        """Why fresh code could not be imported."""

    def is_mine(self, run: Run) -> bool:
        """Whether this run waits here."""
        return run is self._run

    def prepare(self) -> None:
        """Have a worker imported for the next time."""
        if self._is_wanted and self._run is None:
            try:
                self._run = self._launch()
            except OSError as ex:
                self._fail(f"cannot start a standby: {ex}")

    def refresh(self) -> None:
        """Import the code anew; FRESH or STALE follows."""
        if not self._is_wanted:
            self._feed(Event.FRESH)
            return
        self.drop()
        self._is_refreshing = True
        self.prepare()

    def take(self) -> Run | None:
        """The imported worker, to begin now; None when there is none ready."""
        run = self._run
        if run is None or run.loaded is None:
            self.drop()
            return None
        self._run = None
        return run

    def drop(self) -> None:
        """Let the waiting worker go. It has no system yet, so nothing to close."""
        run, self._run = self._run, None
        self._is_refreshing = False
        if run is not None:
            run.order(Stop())
            run.process.kill_group()

    def hear(self, message: Message) -> None:
        """A message of the waiting worker."""
        assert self._run is not None
        match message:
            case Loaded():
                self._run.loaded = message
                if self._is_refreshing:
                    self._is_refreshing = False
                    self._feed(Event.FRESH)
            case Failed():
                self._run.failed = message
            case _:
                pass

    def gone(self, run: Run, words: str) -> None:
        """The waiting worker died: its import failed, or somebody killed it."""
        self._run = None
        if run.failed is not None:
            words = failed_words(run.failed)
        self._fail(words)

    def _fail(self, words: str) -> None:
        self.words = words
        log.warning("standby: %s; the next start imports again", words)
        if self._is_refreshing:
            self._is_refreshing = False
            self._feed(Event.STALE)
