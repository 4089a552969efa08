"""Calls an `@every` method, and says of the PVs that it posts whether they are read.

What a method posts while its PVs are marked waits for the end of the call: only then is
it known to be good, and mark and value change in one event.

Threading model: a method is called on one thread, the main thread or its own; the
control thread looks after calls that do not end. `_lock` guards the watch.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

import msgspec

from sswd.pipe.protocol import ReadState
from sswd.worker.every import Every
from sswd.worker.freeze import freeze
from sswd.worker.log import log
from sswd.worker.outbox import Outbox
from sswd.worker.read_watch import ReadWatch
from sswd.worker.reading import Reading
from sswd.worker.watch import call_user
from sswd.worker.words import words_of

MAX_HELD = 1000
"""Posts of one call that wait for its end; the rest is not held back."""


class Outcomes(Protocol):
    """Who wants to know how the calls end: the link."""

    def every_worked(self, name: str) -> None: ...
    def every_failed(self, name: str, ex: BaseException) -> None: ...


class Readback:
    """One `@every` method."""

    def __init__(
        self,
        name: str,
        method: Callable[[], Any],
        marked: Every,
        outbox: Outbox,
        outcomes: Outcomes,
        is_due: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_due`: whether the method is to be called at all this time."""
        self.name = name
        self._is_due = is_due
        self.marked = marked
        self._method = method
        self._outbox = outbox
        self._outcomes = outcomes
        self._lock = threading.Lock()
        self._watch = ReadWatch(name, marked.period_s, marked.pvs)
        self._held: list[dict[str, Any]] = []
        self._is_log_told = False

    def call(self) -> None:
        """Call the method once, if it is due. What it raises is told, and is never
        fatal."""
        if not self._is_due():
            return
        with self._lock:
            self._watch.begin(time.monotonic())
        token = _calling.set(self)
        try:
            call_user(self._method)
        except SystemExit:
            raise
        except BaseException as ex:  # noqa: BLE001 (firewall around user code)
            _calling.reset(token)
            self._failed(ex)
            self._outcomes.every_failed(self.name, ex)
        else:
            _calling.reset(token)
            self._worked()
            self._outcomes.every_worked(self.name)

    def holds(self, updates: Mapping[str, Any]) -> bool:
        """The method posts; whether that is kept back until the call has ended."""
        with self._lock:
            self._watch.posted(map(str, updates))
            if not self._watch.is_failing or len(self._held) >= MAX_HELD:
                return False
        now_s = time.time()
        self._held.append({pv: _stamped(v, now_s) for pv, v in updates.items()})
        return True

    def look(self) -> None:
        """Tell of a call that does not end. Control thread."""
        now_s = time.monotonic()
        with self._lock:
            late_s = self._watch.late_s(now_s)
            state = self._watch.overdue(now_s)
            if state is not None and not self._outbox.try_send(state, after_posts=True):
                self._watch.forget_overdue()
        if late_s is not None:
            log.warning(
                "periodic method %s is late: it has been running for %.2g s, its "
                "period is %g s",
                self.name,
                late_s,
                self.marked.period_s,
            )

    def _failed(self, ex: BaseException) -> None:
        with self._lock:
            self._tell(self._watch.failed(words_of(ex)))
        self._release()
        if not self._is_log_told:
            self._is_log_told = True
            log.error(
                "periodic method %s failed; not logged again until it works",
                self.name,
                exc_info=ex,
            )

    def _worked(self) -> None:
        with self._lock:
            self._tell(self._watch.worked(time.monotonic()))
        self._release()
        if self._is_log_told:
            self._is_log_told = False
            log.info("periodic method %s works again", self.name)

    def _tell(self, state: ReadState | None) -> None:
        if state is not None:
            self._outbox.tell(state)

    def _release(self) -> None:
        held, self._held = self._held, []
        for updates in held:
            self._outbox.post(updates)


def is_held(updates: Mapping[str, Any]) -> bool:
    """Whether an `@every` method posts this and it is kept back for a while."""
    readback = _calling.get()
    return readback is not None and readback.holds(updates)


def _stamped(value: Any, now_s: float) -> Any:
    """A copy of a posted value, with the time of the post."""
    if type(value) is not Reading:
        return Reading(freeze(value), timestamp=now_s)
    stamp_s = now_s if value.timestamp is None else value.timestamp
    return msgspec.structs.replace(value, value=freeze(value.value), timestamp=stamp_s)


_calling: ContextVar[Readback | None] = ContextVar("_calling", default=None)
"""The readback whose method runs in this context: in this thread, or this task."""
