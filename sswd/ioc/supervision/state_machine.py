"""Steps through the lifecycle table, one event at a time, and keeps the story.

The second firewall of sswd is here: an action that fails is told with the story of the
last steps and does not take the IOC down.

Threading model: the loop's own.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping

from sswd.ioc.supervision.lifecycle import Action, Event, Phase, decide

log = logging.getLogger("sswd.ioc")

STORY = 20
"""Steps that are told when something is not in the table."""


class StateMachine:
    """The phase of one system's worker. `feed` is the only way to change it."""

    def __init__(
        self,
        name: str,
        perform: Mapping[Action, Callable[[], None]],
        changed: Callable[[Phase, Event, Phase], None],
    ) -> None:
        """`changed` is called with every step, before its actions."""
        self._name = name
        self._perform = perform
        self._changed = changed
        self._phase = Phase.STOPPED
        self._events: deque[Event] = deque()
        self._is_feeding = False
        self._story: deque[str] = deque(maxlen=STORY)

    @property
    def phase(self) -> Phase:
        """Where the worker is in its life."""
        return self._phase

    def feed(self, event: Event) -> None:
        """Something happened. Events that actions cause are taken in order."""
        self._events.append(event)
        if self._is_feeding:
            return
        self._is_feeding = True
        try:
            while self._events:
                self._step(self._events.popleft())
        finally:
            self._is_feeding = False

    def _step(self, event: Event) -> None:
        decision = decide(self._phase, event)
        if decision.step is None:
            if decision.is_impossible:
                self._log_error(f"{decision.words} is not in the table")
            else:
                log.debug("system '%s': %s", self._name, decision.words)
            return
        before, self._phase = self._phase, decision.step.to
        self._story.append(f"{before.name} + {event.name} -> {self._phase.name}")
        self._changed(before, event, self._phase)
        for action in decision.step.actions:
            try:
                self._perform[action]()
            except Exception:  # noqa: BLE001 (firewall: see above)
                self._log_error(f"{action.name} failed", has_traceback=True)

    def _log_error(self, words: str, *, has_traceback: bool = False) -> None:
        log.error(
            "system '%s': %s; the steps before: %s",
            self._name,
            words,
            "; ".join(self._story),
            exc_info=has_traceback,
        )
