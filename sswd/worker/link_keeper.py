"""Connects the system to its instrument, and again when the link is lost.

`connect`, `disconnect`, `ping` and the setup that follows are called on the main
thread, between commands. What becomes of them is judged by link.py; every change is
told to the IOC.

Threading model: main thread, but for `every_worked` and `every_failed`, which methods
beside commands call on their threads. `_lock` guards the link.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sswd.pipe.protocol import LinkState
from sswd.pipe.worker_spec import WorkerSpec
from sswd.worker.adapter import Adapter
from sswd.worker.link import COMMAND, CONNECT, SETUP, Link, Step, Told
from sswd.worker.link_errors import kind_of
from sswd.worker.log import log
from sswd.worker.outbox import Outbox
from sswd.worker.watch import CommandWatch, call_user
from sswd.worker.words import words_of

PING_S = 5.0
"""Time between two calls of `ping` where neither the class nor the file says."""
_PEER = 200  # characters of the words for the other end
Method = Callable[[], Any] | None


class LinkMethods(NamedTuple):
    """What the system has to do with its link; None: it has none of that kind."""

    connect: Method
    disconnect: Method
    ping: Method
    setup: Callable[[], None]


class LinkSettings(NamedTuple):
    """What the class and the configuration say of the link."""

    ping_s: float = PING_S
    sets_up_once: bool = False
    peer: str = ""
    """Words for who is connected to, where they are known."""


class LinkKeeper:
    """What the worker does about its link."""

    def __init__(
        self,
        link: Link,
        outbox: Outbox,
        methods: LinkMethods,
        watch: CommandWatch,
        settings: LinkSettings,
    ) -> None:
        self._link = link
        self._outbox = outbox
        self._connect, self._disconnect, self._ping, self._setup = methods
        self._watch = watch
        self._ping_s, self._sets_up_once, self._peer = settings
        self._ping_due_s = time.monotonic() + self._ping_s
        self._was_set_up = False
        self._lock = threading.Lock()
        self._told: Told = link.told

    @property
    def is_down(self) -> bool:
        """Whether `@every` methods are not called, because nothing is connected."""
        return self._link.is_down

    def open(self) -> None:
        """Connect for the first time, and set up.

        What `connect` raises is told, and tried again between commands. What `setup`
        raises goes through.
        """
        if self._connect is not None:
            try:
                call_user(self._connect)
            except Exception as ex:  # noqa: BLE001 (firewall around user code)
                log.error(
                    "connect() failed; it is tried again until it works", exc_info=ex
                )
                now_s = time.monotonic()
                self._judge(self._link.connect_failed, CONNECT, words_of(ex), now_s)
                return
        call_user(self._setup)
        self._was_set_up = True

    @property
    def has_plans(self) -> bool:
        """Whether something is due, now or later, if nothing else happens."""
        return self._ping is not None or self._link.due_s() is not None

    def run_due(self) -> float | None:
        """Do what is due; seconds until there is something again, None: unknown.

        Stop ends what it does: the worker closes then, and nothing is judged.
        """
        now_s = time.monotonic()
        step = self._link.step(now_s)
        if step is None and self._is_ping_due(now_s):
            step = Step.PING
        if step is not None and self._watch.begin_linking():
            try:
                if step is Step.PING:
                    self._do_ping()
                else:
                    self._reconnect()
            finally:
                self._watch.end()
        due = [self._link.due_s(), self._ping_due_s if self._ping else None]
        now_s = time.monotonic()
        return min((t - now_s for t in due if t is not None), default=None)

    # -- how things end

    def every_worked(self, name: str) -> None:
        """An `@every` method has returned. Any thread."""
        self._judge(self._link.worked, name)

    def every_failed(self, name: str, ex: BaseException) -> None:
        """An `@every` method has raised. Any thread."""
        self._judge(
            self._link.failed, name, words_of(ex), kind_of(ex), time.monotonic()
        )

    def command_ended(self, ex: BaseException | None) -> None:
        """A command has returned, or raised."""
        if ex is None:
            if self._link.has_failures:
                self._judge(self._link.worked, COMMAND)
        elif isinstance(ex, Exception):
            self._judge(
                self._link.failed, COMMAND, words_of(ex), kind_of(ex), time.monotonic()
            )

    # -- inside

    def _is_ping_due(self, now_s: float) -> bool:
        return self._ping is not None and now_s >= self._ping_due_s and not self.is_down

    def _do_ping(self) -> None:
        assert self._ping is not None
        words = _attempt(self._ping)
        if self._watch.is_stopping:
            return
        if words:
            log.warning("ping() failed: %s", words)
            self._judge(self._link.ping_failed, words, time.monotonic())
        else:
            self._judge(self._link.ping_worked, time.monotonic())
        self._ping_due_s = time.monotonic() + self._ping_s

    def _reconnect(self) -> None:
        """Disconnect, connect, set up. Whatever raises is tried again later."""
        assert self._connect is not None
        self._judge(self._link.reconnecting)
        if self._disconnect is not None and (words := _attempt(self._disconnect)):
            log.info("disconnect() failed: %s", words)
        doing, words = CONNECT, _attempt(self._connect)
        if not words:
            doing = SETUP
            self._judge(self._link.connected)
            if not (self._was_set_up and self._sets_up_once):
                words = _attempt(self._setup)
                self._was_set_up |= not words
        if self._watch.is_stopping:
            return
        if words:
            self._judge(self._link.connect_failed, doing, words, time.monotonic())
        else:
            self._judge(self._link.is_up, time.monotonic())

    def _judge(self, judgement: Callable[..., None], *args: Any) -> None:
        """Have the link judge, and tell the IOC what changed by it."""
        with self._lock:
            judgement(*args)
            told = self._link.told
            if told != self._told:
                self._told = told
                self._outbox.tell(LinkState(*told._replace(words=self._words(told))))

    def _words(self, told: Told) -> str:
        """What failed, with whom, since when."""
        if not told.words or self._link.since_s is None:
            return told.words
        since_s = time.time() - (time.monotonic() - self._link.since_s)
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since_s))
        return f"{told.words}{self._peer}; since {clock}"


def _attempt(method: Callable[[], Any]) -> str:
    """Call a method of the system; what it raised, in words, or "" when it worked."""
    try:
        call_user(method)
    except SystemExit:
        raise
    except BaseException as ex:  # noqa: BLE001 (firewall around user code)
        return words_of(ex)
    return ""


_PEERS = ("address", "resource", "resource_name", "host", "hostname", "ip", "url")
"""Names of constructor arguments that say with whom a driver talks."""


def keeper_of(
    adapter: Adapter, outbox: Outbox, watch: CommandWatch, spec: WorkerSpec
) -> LinkKeeper:
    """The connection of a constructed system."""
    connect, ping = adapter.optional("connect"), adapter.optional("ping")
    ping_s = spec.ping_s or adapter.setting("ping_s") or PING_S
    named = [f"{name} = {spec.args[name]!r}" for name in _PEERS if name in spec.args]
    return LinkKeeper(
        Link(
            has_connect=connect is not None,
            has_ping=ping is not None,
            restart_after=spec.link_failures,
        ),
        outbox,
        LinkMethods(connect, adapter.optional("disconnect"), ping, adapter.setup),
        watch,
        LinkSettings(
            float(ping_s),
            bool(adapter.setting("setup_once")),
            f" ({', '.join(named)})"[:_PEER] if named else "",
        ),
    )
