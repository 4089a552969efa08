"""The inputs of one system: other PVs, whose newest values go to its worker.

At most one value of each input is on its way to the worker; newer ones wait here, the
newest alone, until it says that it has taken that one. So the pipe never fills,
whatever the worker does. A value of another IOC may be anything: what is no number and
no short text is refused in words.

Threading model: the loop's own.
"""

import functools
import logging
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from sswd.alarm import Alarm, Severity, Status
from sswd.ioc.client.followed_pv import Find, FollowedPv
from sswd.ioc.client.remote_pv import Update
from sswd.ioc.pvs.alarm_priority import Source
from sswd.ioc.pvs.publisher import Publisher
from sswd.pipe.protocol import Input
from sswd.ratelimit import OncePerKey

log = logging.getLogger("sswd.ioc")

TEXT_BYTES = 200
WORDS = 100
"""Bytes and characters of an input that fit into a message of the ctl pipe."""
MAX_REASONS = 5


class Inputs:
    """Follows the inputs of one system, from `start` to `close`."""

    def __init__(
        self,
        name: str,
        inputs: Mapping[str, str],
        tell: Callable[[Input], None],
        publisher: Publisher,
        find: Find,
    ) -> None:
        """`tell` sends to the active run, if there is one."""
        self._name = name
        self._tell = tell
        self._publisher = publisher
        self._followed = {
            key: FollowedPv(
                pv,
                find,
                functools.partial(self._updated, key),
                functools.partial(self._lost, key),
            )
            for key, pv in inputs.items()
        }
        self._newest = {
            key: Input(key, None, _link(f"{pv} is not connected"), 0.0)
            for key, pv in inputs.items()
        }
        self._connected: set[str] = set()
        self._on_the_way: set[str] = set()
        self._waiting: set[str] = set()
        self._dependent: dict[str, frozenset[str]] = {}
        self._refused = {key: OncePerKey(MAX_REASONS) for key in inputs}

    def start(self) -> None:
        """Begin to look for all of them."""
        for followed in self._followed.values():
            followed.start()

    async def close(self) -> None:
        """No more updates."""
        for followed in self._followed.values():
            await followed.close()

    def add_dependent(self, pv: str, inputs: Iterable[str]) -> None:
        """A PV that means nothing while one of these inputs is lost."""
        known = frozenset(inputs) & self._newest.keys()
        for unknown in sorted(set(inputs) - known):
            log.error(
                "system '%s': %s depends on '%s', which is no input; inputs are %s",
                self._name,
                pv,
                unknown,
                ", ".join(self._newest) or "none",
            )
        if known:
            self._dependent[pv] = known
            self._show(pv)

    # -- to the worker

    def run_begins(self) -> None:
        """There is a new worker: it gets everything."""
        self._on_the_way.clear()
        self._waiting.clear()
        for key in self._newest:
            self._send(key)

    def taken(self, keys: Iterable[str]) -> None:
        """The worker has taken what was on its way."""
        for key in keys:
            self._on_the_way.discard(key)
            if key in self._waiting:
                self._waiting.discard(key)
                self._send(key)

    def _send(self, key: str) -> None:
        if key in self._on_the_way:
            self._waiting.add(key)
        else:
            self._on_the_way.add(key)
            self._tell(self._newest[key])

    # -- from the PVs

    def _updated(self, key: str, update: Update) -> None:
        value, words = fitting_input(update.value)
        if words:
            words = f"{self._followed[key].name}: {words}"
            if self._refused[key].is_new(words):
                log.warning("system '%s': input %s refused", self._name, words)
            self._lose(key, words)
            return
        if key not in self._connected:
            self._connected.add(key)
            log.info("system '%s': input %s connected", self._name, self._words(key))
        alarm = _alarm(update, self._followed[key].name)
        self._set(Input(key, value, alarm, update.stamp_s))

    def _lost(self, key: str, words: str) -> None:
        self._connected.discard(key)
        told = self._words(key)
        log.warning("system '%s': input %s lost (%s)", self._name, told, words)
        self._lose(key, f"{self._followed[key].name} is lost: {words}")

    def _lose(self, key: str, words: str) -> None:
        """The last value stays, and is INVALID."""
        last = self._newest[key]
        self._set(Input(key, last.value, _link(words), last.stamp_s))

    def _words(self, key: str) -> str:
        return f"{key} ({self._followed[key].name})"

    def _set(self, message: Input) -> None:
        was = self._newest[message.name]
        self._newest[message.name] = message
        self._send(message.name)
        if was.alarm != message.alarm:
            for pv, inputs in self._dependent.items():
                if message.name in inputs:
                    self._show(pv)

    def _show(self, pv: str) -> None:
        alarms = (self._newest[key].alarm for key in sorted(self._dependent[pv]))
        bad = [a.message for a in alarms if a.severity == Severity.INVALID]
        if bad:
            self._publisher.set_alarm([pv], Source.INPUT_LOST, "; ".join(bad))
        else:
            self._publisher.clear_alarm([pv], Source.INPUT_LOST)


def fitting_input(value: object) -> tuple[float | int | str | None, str]:
    """(the value as an input has it, words why it has none).

    Text is decoded as UTF-8; what is none becomes U+FFFD.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        text = value.encode("utf-8", "replace")
        if len(text) > TEXT_BYTES:
            words = f"a text of {len(text)} bytes; an input has at most {TEXT_BYTES}"
            return None, words
        return text.decode(), ""
    if isinstance(value, bool | int | float):
        return value, ""
    size = len(value) if hasattr(value, "__len__") else 0
    return None, f"an array of {size} elements; an input is one number or text"


def _link(words: str) -> Alarm:
    plain = words.encode("ascii", "replace")[:WORDS].decode()
    return Alarm(Severity.INVALID, Status.LINK, plain)


def _alarm(update: Update, pv: str) -> Alarm:
    """The alarm of an update. Another server may say numbers that are none."""
    if update.severity not in range(len(Severity)):
        return _link(f"{pv} has a severity that EPICS does not know")
    if update.status not in range(len(Status)):
        return _link(f"{pv} has a status that EPICS does not know")
    words = ""
    if update.severity == Severity.INVALID:
        words = f"{pv} is INVALID/{Status(update.status).name}"
    return Alarm(update.severity, update.status, words)
