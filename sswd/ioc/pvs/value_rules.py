"""What follows from a new value of one PV: which events it makes, and its alarm. Pure.

A float or int has dead bands and alarm limits, an enum or bool has alarm states. For
arrays, long strings and words that others wait for, every post is an event.
"""

from collections.abc import Sequence
from typing import Any

from sswd.alarm import NO_ALARM, Alarm
from sswd.ioc.pvs.alarm_limits import AlarmLimits, AlarmStates
from sswd.ioc.pvs.dead_band import DBE_LOG, DBE_VALUE, DeadBand

EVERY_POST = DBE_VALUE | DBE_LOG


class ValueRules:
    """The rules of a PV for which every post is an event and no value an alarm."""

    __slots__ = ()

    def judge(self, value: Any) -> tuple[int, Alarm]:
        """What follows from the next value.

        First DBE_VALUE and DBE_LOG, as it makes them, 0: none. Second the alarm that it
        means by itself.
        """
        del value
        return EVERY_POST, NO_ALARM


class OnChange(ValueRules):
    """A string or state: an event when it differs from the last one."""

    __slots__ = ("_last", "always")

    def __init__(self, value: object) -> None:
        self._last = value
        self.always = False
        """Whether every post is an event all the same."""

    def judge(self, value: object) -> tuple[int, Alarm]:
        if value == self._last and not self.always:
            return 0, NO_ALARM
        self._last = value
        return EVERY_POST, NO_ALARM


class NumberRules(ValueRules):
    """A float or int: dead bands and alarm limits."""

    __slots__ = ("dead_band", "limits")

    def __init__(self, dead_band: DeadBand, limits: AlarmLimits) -> None:
        self.dead_band = dead_band
        self.limits = limits

    def judge(self, value: float) -> tuple[int, Alarm]:
        band, limits = self.dead_band, self.limits
        if limits.is_set or band.mdel or band.adel or value != value:  # noqa: PLR0124
            return band.check(value), limits.check(value)
        # The short way: no limit, no dead band, and a number.
        limits.last_alarmed = value
        if value in (band.last_monitored, band.last_archived):
            return band.check(value), NO_ALARM
        band.last_monitored = band.last_archived = value
        return EVERY_POST, NO_ALARM


class StateRules(OnChange):
    """An enum or bool, whose value is one of its strings: alarm by state."""

    __slots__ = ("states", "strings")

    def __init__(self, value: str, strings: Sequence[str], states: AlarmStates) -> None:
        super().__init__(value)
        self.strings = strings
        self.states = states

    def follow(self, value: str, strings: Sequence[str], states: AlarmStates) -> None:
        """The states have new names, and the value with them."""
        self._last, self.strings, self.states = value, strings, states

    def judge(self, value: object) -> tuple[int, Alarm]:
        events, _ = super().judge(value)
        return events, self._alarm(value)

    def _alarm(self, value: object) -> Alarm:
        if not self.states.is_set or value not in self.strings:
            return NO_ALARM
        index = self.strings.index(value)
        return self.states.check(index, self.strings[index])
