"""The state of a system's link to its instrument: what failed, what is due. Pure.

A failure makes the link FAILING. Then it is probed: by `ping()` where the system has
one, else by a reconnect once the failure leaves no hope (the connection is closed) or
comes twice in a row. What `ping` or `connect` raises makes it LOST. link_keeper.py does
what is due here, and tells the IOC what changed.
"""

from enum import Enum
from typing import NamedTuple

from sswd.pipe.protocol import LinkPhase
from sswd.worker.link_errors import Kind

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
TWICE = 2
COMMAND, PING, CONNECT, SETUP = "command", "ping", "connect", "setup"
"""Sources of failures that are no `@every` method."""


class Step(Enum):
    """What the main thread is to do between commands."""

    PING = "ping"
    RECONNECT = "reconnect"


class Told(NamedTuple):
    """What the IOC is to know."""

    phase: LinkPhase
    words: str
    """Which method failed, and how; empty while the link is OK."""
    is_in_doubt: bool
    """Whether no value is to be trusted until the link is known to be good."""
    wants_restart: bool


class Link:
    """One link; not thread-safe. Times are monotonic."""

    def __init__(
        self, *, has_connect: bool, has_ping: bool, restart_after: int | None = None
    ) -> None:
        """`restart_after`: failures in a row of one source, after which only a new
        worker helps; None: never."""
        self._has_connect = has_connect
        self._has_ping = has_ping
        self._restart_after = restart_after
        self._failures: dict[str, int] = {}
        self._words = ""
        self._phase = LinkPhase.OK
        self._is_in_doubt = False
        self._wants_restart = False
        self._pause_s = FIRST_PAUSE_S
        self._step: Step | None = None
        self._due_s = 0.0
        self._not_before_s = 0.0
        self.since_s: float | None = None
        """When the link began to fail."""

    @property
    def told(self) -> Told:
        """What the IOC is to know now."""
        return Told(self._phase, self._words, self._is_in_doubt, self._wants_restart)

    @property
    def has_failures(self) -> bool:
        """Whether something has failed and has not worked since; else a command that
        succeeds changes nothing."""
        return bool(self._failures)

    @property
    def is_down(self) -> bool:
        """Whether there is no connection, so that nothing needs to be asked."""
        return self._phase is LinkPhase.LOST and self._has_connect

    def step(self, now_s: float) -> Step | None:
        """What is to be done now."""
        return self._step if now_s >= self._due_s else None

    def due_s(self) -> float | None:
        """When there is something to be done; None: nothing is planned."""
        return None if self._step is None else self._due_s

    # -- what happens

    def failed(self, source: str, words: str, kind: Kind, now_s: float) -> None:
        """An `@every` method, or a command, has failed.

        A command tells nothing of the link unless `kind` does.
        """
        if source == COMMAND and kind is Kind.OTHER:
            return
        count = self._failures[source] = self._failures.get(source, 0) + 1
        self._note(source, words, now_s)
        if self._phase is LinkPhase.LOST:
            return
        self._phase = LinkPhase.FAILING
        self._wants_restart = self._is_hopeless()
        is_sure = kind is Kind.CUT or count >= TWICE
        if self._has_ping and (kind is not Kind.OTHER or is_sure):
            self._plan(Step.PING, now_s)
        elif self._has_connect and is_sure:
            self._plan(Step.RECONNECT, now_s)
        if kind is not Kind.OTHER and (self._step or source != COMMAND):
            self._is_in_doubt |= self._has_ping or self._has_connect

    def worked(self, source: str) -> None:
        """An `@every` method, or a command, has succeeded."""
        if self._phase is LinkPhase.OK and source != COMMAND:
            self._pause_s, self._not_before_s = FIRST_PAUSE_S, 0.0
        if not self._failures or self._phase is LinkPhase.LOST:
            return
        self._failures.pop(source, None)
        if source != COMMAND:
            self._failures.pop(COMMAND, None)
        if not self._failures:
            self._is_good()

    def ping_failed(self, words: str, now_s: float) -> None:
        """`ping` has raised."""
        self._note(PING, words, now_s)
        self._lost()
        self._step = Step.RECONNECT if self._has_connect else Step.PING
        self._due_s = now_s if self._has_connect else now_s + self._next_pause_s()

    def ping_worked(self, now_s: float) -> None:
        """`ping` has returned: the link is good, whatever else fails."""
        self._step = None
        self._is_in_doubt = False
        for source in (COMMAND, CONNECT):  # CONNECT: ping itself had failed
            self._failures.pop(source, None)
        if not self._failures:
            self._is_good()
            return
        self._phase = LinkPhase.FAILING
        self._wants_restart = self._is_hopeless()
        self._not_before_s = now_s + self._next_pause_s()

    def reconnecting(self) -> None:
        """`disconnect` is about to be called."""
        self._phase, self._is_in_doubt = LinkPhase.LOST, True

    def connect_failed(self, source: str, words: str, now_s: float) -> None:
        """`connect`, or the setup that follows it, has raised."""
        self._note(source, words, now_s)
        self._lost()
        self._step = Step.RECONNECT
        self._due_s = now_s + self._next_pause_s()

    def connected(self) -> None:
        """`connect` has returned; setup follows. What is posted is good from now on."""
        self._is_in_doubt = False

    def is_up(self, now_s: float) -> None:
        """Setup has returned, too. The pause stays long until something works."""
        pause_s = self._next_pause_s()
        longer_s = self._pause_s
        self._is_good()
        self._pause_s, self._not_before_s = longer_s, now_s + pause_s

    # -- inside

    def _note(self, source: str, words: str, now_s: float) -> None:
        if self.since_s is None:
            self.since_s = now_s
        self._words = f"{source}: {words}"

    def _lost(self) -> None:
        self._phase, self._is_in_doubt = LinkPhase.LOST, True
        self._failures[CONNECT] = self._failures.get(CONNECT, 0) + 1
        self._wants_restart = self._is_hopeless()

    def _is_hopeless(self) -> bool:
        """Whether some source has failed so often in a row that a restart is due."""
        most = max(self._failures.values(), default=0)
        return self._restart_after is not None and most >= self._restart_after

    def _plan(self, step: Step, now_s: float) -> None:
        if self._step is None:
            self._step, self._due_s = step, max(now_s, self._not_before_s)

    def _next_pause_s(self) -> float:
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return pause_s

    def _is_good(self) -> None:
        self._failures.clear()
        self._phase, self._words, self.since_s = LinkPhase.OK, "", None
        self._is_in_doubt = self._wants_restart = False
        self._step, self._pause_s = None, FIRST_PAUSE_S
