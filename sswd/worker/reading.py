"""A reading: a value with what the driver knows of it."""

import math
from typing import Any

import msgspec

from sswd.alarm import Alarm, Severity, alarm_of
from sswd.pipe.protocol import Update
from sswd.worker.freeze import pv_name, sayable

MESSAGE_CHARACTERS = 256
LATEST_S = 4_000_000_000.0
"""About 2096: EPICS's seconds since 1990 end then."""
EARLIEST_S = 631_152_000.0
"""1990-01-01, where EPICS's time begins."""


class Reading(msgspec.Struct, frozen=True):
    """A value for `io_put` with its alarm and its time.

    Use it where several PVs are posted at once::

        self.io_put({"T": Reading(300.2, "MINOR", "HIGH"), "P": 1.0})

    `severity` is NO_ALARM, MINOR, MAJOR or INVALID, `status` the name of an EPICS
    alarm status (READ, COMM, HIHI ...; SOFT when only a severity is given), `message`
    words for `.AMSG`, `timestamp` the time of the sample in s since 1970; without it,
    the time of the post. Names are str or members of sswd.Severity and sswd.Status.
    """

    value: Any
    severity: str | int | None = None
    status: str | int | None = None
    message: str = ""
    timestamp: float | None = None

    @property
    def is_usable(self) -> bool:
        """Whether the value may be used: it is not INVALID."""
        alarm = self.alarm()
        return alarm is None or alarm.severity < Severity.INVALID

    def alarm(self) -> Alarm | None:
        """The alarm that the driver states; None: it states none.

        Raises ValueError for a severity or status that EPICS does not know.
        """
        return stated_alarm(self.severity, self.status, self.message)


def stated_alarm(
    severity: str | int | None, status: str | int | None, message: str
) -> Alarm | None:
    """The alarm of these words; None where all are left out. Raises ValueError."""
    if severity is None and status is None and not message:
        return None
    words = sayable(str(message)[:MESSAGE_CHARACTERS])
    return alarm_of(severity, status, words)


def checked_time(timestamp: float | None) -> float | None:
    """A time stamp in s since 1970, within what EPICS can carry. Raises ValueError."""
    if timestamp is None:
        return None
    seconds = float(timestamp)
    if not (math.isfinite(seconds) and EARLIEST_S <= seconds < LATEST_S):
        raise ValueError(
            f"timestamp {timestamp!r} is no time in s since 1970 between 1990 and 2096"
        )
    return seconds


def update_of(pv: object, value: Any, now_s: float) -> Update:
    """What was posted, with the value as it was given. Raises ValueError."""
    if type(value) is not Reading:
        return Update(pv_name(pv), value, now_s)
    stamp_s = checked_time(value.timestamp) or now_s
    return Update(pv_name(pv), value.value, stamp_s, value.alarm())
