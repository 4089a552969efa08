"""What the IOC does about the link of one system: PVs, alarms, commands, restarts.

The worker judges its link (sswd/worker/link.py) and tells every change of it, and which
methods cannot read their values.

Threading model: the loop's own.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from sswd.ioc import ca
from sswd.ioc.commands.dispatcher import fitting
from sswd.ioc.process.run import Run
from sswd.ioc.pvs.alarm_priority import Source
from sswd.ioc.supervision.backoff import Backoff
from sswd.ioc.supervision.lifecycle import Event
from sswd.ioc.supervision.parts import SystemParts
from sswd.pipe.protocol import LinkPhase, LinkState, Loaded, ReadState
from sswd.sizes import COUNTER_MODULUS

log = logging.getLogger("sswd.ioc")

HELPED_S = 60.0
"""A restart so long ago has helped."""
MAX_METHODS = 1_000
"""Methods that fail at the same time, and are kept in mind."""
_NO_WORKER = "no worker is RUNNING"
_UNKNOWN = LinkState(LinkPhase.LOST, _NO_WORKER)

MAX_LOGGED = 4_000
"""Characters of a worker's words in one line of the log."""


class LinkStatus:
    """The link of one system, as its worker told it last."""

    def __init__(self, parts: SystemParts, feed: Callable[[Event], None]) -> None:
        """`feed` takes RECYCLE, where the configuration wants restarts."""
        self._name = parts.name
        self._config = parts.config
        self._status = parts.status
        self._publisher = parts.publisher
        self._dispatcher = parts.dispatcher
        self._on_phase = parts.on_link
        self._feed = feed
        self._failing: dict[str, list[str]] = {}
        """Methods that cannot read their PVs now."""
        self._state = _UNKNOWN
        self._on_down: str = parts.config.on_link_down or "run"
        restart = parts.config.restart
        self._restarts = Backoff(restart.delay_s, restart.max_delay_s)
        self._not_before_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Nothing is known of the link yet."""
        self._post(_UNKNOWN)

    def loaded(self, loaded: Loaded) -> None:
        """A run has imported its class, which may make connections."""
        by_default = "reject" if loaded.has_connect else "run"
        self._on_down = self._config.on_link_down or by_default

    def ready(self) -> None:
        """The worker is RUNNING; its link is good, unless it has told otherwise."""
        if self._state is _UNKNOWN:
            self._state = LinkState(LinkPhase.OK, "")
            self._post(self._state)

    def worker_gone(self) -> None:
        """The worker has ended; the alarms that it asked for are cleared with it."""
        self.close()
        self._failing.clear()
        self._state = _UNKNOWN
        self._dispatcher.link_up()
        self._post(_UNKNOWN)

    def close(self) -> None:
        """No more timers."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- what the worker tells

    def on_read_state(self, message: ReadState) -> None:
        """A method that reads values fails, or works again."""
        source, publisher = Source.READ_FAILED, self._publisher
        if message.words:
            known = [pv for pv in message.pvs if publisher.shows(pv)]
            if message.method in self._failing or len(self._failing) < MAX_METHODS:
                self._failing[message.method] = known
            publisher.set_alarm(known, source, message.words)
            return
        self._failing.pop(message.method, None)
        still = {pv for pvs in self._failing.values() for pv in pvs}
        publisher.clear_with_next_post(set(message.posted) - still, source)
        publisher.clear_alarm(set(message.pvs) - set(message.posted) - still, source)

    def on_link_state(self, run: Run, message: LinkState) -> None:
        """The link has changed."""
        self._on_phase(message.phase)
        before, self._state = self._state, message
        self._alarm(before, message)
        if message.phase is LinkPhase.LOST:
            words = f"the link to the instrument is lost ({message.words})"
            self._dispatcher.link_down(words, self._on_down)
        else:
            self._dispatcher.link_up()
        self._post(message)
        self._log(run, before, message)
        if message.wants_restart:
            self._restart()

    # -- inside

    def _alarm(self, before: LinkState, message: LinkState) -> None:
        """A doubt that was not justified ends whole; after a loss, values are old."""
        if message.is_in_doubt:
            self._publisher.link_lost(message.words)
        elif before.is_in_doubt and before.phase is LinkPhase.LOST:
            self._publisher.link_back()
        elif before.is_in_doubt:
            self._publisher.link_was_good()

    def _post(self, message: LinkState) -> None:
        status = self._status
        ca.post_if_changed(status.LINK_ERROR, fitting(message.words, status.LINK_ERROR))
        ca.post_if_changed(status.LINK, int(message.phase))

    def _log(self, run: Run, before: LinkState, message: LinkState) -> None:
        if before.phase is message.phase:
            return
        if message.phase is LinkPhase.OK:
            if before is not _UNKNOWN:
                log.info("%s: link OK again", run.who)
            return
        words = message.words[:MAX_LOGGED]
        log.warning("%s: link %s: %s", run.who, message.phase.name, words)
        if message.phase is LinkPhase.LOST:
            failures = (self._status.LINK_FAILURES.value + 1) % COUNTER_MODULUS
            ca.post(self._status.LINK_FAILURES, failures)
            text = f"link lost: {message.words}"
            ca.post(self._status.LAST_ERROR, fitting(text, self._status.LAST_ERROR))

    def _restart(self) -> None:
        """A new worker, at once or after a pause that grows while that is no help."""
        if self._timer is None:
            wait_s = max(0.0, self._not_before_s - time.monotonic())
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(wait_s, self._restart_now)

    def _restart_now(self) -> None:
        self._timer = None
        if not self._state.wants_restart:
            return
        now_s = time.monotonic()
        if now_s > self._not_before_s + HELPED_S:
            self._restarts.clear()
        self._not_before_s = now_s + (self._restarts.died(now_s, 0.0) or 0.0)
        text = f"restarting, on_link_lost: {self._state.words[:MAX_LOGGED]}"
        log.warning("system '%s': %s", self._name, text)
        ca.post(self._status.LAST_ERROR, fitting(text, self._status.LAST_ERROR))
        self._feed(Event.RECYCLE)
