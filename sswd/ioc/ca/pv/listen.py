"""Following a PV of this server in the server itself, without a socket."""

import asyncio
from collections.abc import Callable
from typing import Any

from sswd.ioc.ca.caproto_private.data import (
    EPICS_EPOCH_S,
    Data,
    alarm_numbers,
    enum_strings,
    raw,
)
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.pv.served_pv import ServedPv


class Listening:
    """Calls `on_change` after each change of value or alarm: once for those of a turn.

    Loop thread only, from the constructor to `close`.
    """

    mask = protocol.DBE_VALUE | protocol.DBE_ALARM

    def __init__(self, data: Data, on_change: Callable[[], None]) -> None:
        self._served_pv = ServedPv.of(data)
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._is_due = False
        self._served_pv.subs[self] = None

    def close(self) -> None:
        """No more calls."""
        self._served_pv.subs.pop(self, None)
        self._on_change = _nothing

    def changed(self, flags: int) -> None:
        """As a subscription of a client."""
        del flags
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._is_due = False
        self._on_change()


def _nothing() -> None:
    """It is closed."""


def newest(data: Data) -> tuple[Any, int, int, float]:
    """(value, status, severity, time in s since 1970); an enum's value is its index."""
    store = raw(data)
    value, stamp = store["value"], store["timestamp"]
    states = enum_strings(data)
    if isinstance(value, str) and value in states:
        value = states.index(value)
    stamp_s = stamp.secondsSinceEpoch + EPICS_EPOCH_S + stamp.nanoSeconds * 1e-9
    return (value, *alarm_numbers(data), stamp_s)
