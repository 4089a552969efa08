"""When a value is in alarm by its limits or its state. Pure.

The rules are those of EPICS base: checkAlarms() of aiRecord.c, aoRecord.c,
longinRecord.c and longoutRecord.c for numbers, of biRecord.c and mbbiRecord.c for
states.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from sswd.alarm import NO_ALARM, Alarm, Severity, Status

NAN_ALARM = Alarm(Severity.INVALID, Status.UDF, "not a number")


@dataclass(slots=True)
class AlarmLimits:
    """The limits of one number and the last limit that it crossed (.LALM).

    A limit with severity NO_ALARM is not looked at. `last_alarmed` is the limit of the
    alarm that stands, else the last value: while it stands, the value must come back
    by `hysteresis` before the alarm ends.
    """

    hihi: float = 0.0
    high: float = 0.0
    low: float = 0.0
    lolo: float = 0.0
    hihi_severity: int = Severity.NO_ALARM
    high_severity: int = Severity.NO_ALARM
    low_severity: int = Severity.NO_ALARM
    lolo_severity: int = Severity.NO_ALARM
    hysteresis: float = 0.0
    last_alarmed: float = 0.0
    is_set: bool = field(init=False)
    """Whether any limit can alarm."""
    _stands: bool = False
    """Whether the last value was in alarm."""

    def __post_init__(self) -> None:
        self.have_changed()

    def have_changed(self) -> None:
        """To be called after a change of a severity."""
        self.is_set = bool(
            self.hihi_severity
            or self.high_severity
            or self.low_severity
            or self.lolo_severity
        )

    def check(self, value: float) -> Alarm:
        """The alarm of `value`. Changes `last_alarmed`."""
        if not self.is_set:
            self.last_alarmed = value
            return NO_ALARM if value == value else NAN_ALARM  # noqa: PLR0124
        is_inside = (
            (not self.high_severity or value < self.high)
            and (not self.low_severity or value > self.low)
            and (not self.hihi_severity or value < self.hihi)
            and (not self.lolo_severity or value > self.lolo)
            and value == value  # noqa: PLR0124 (not NaN)
        )
        if is_inside and not self._stands:
            self.last_alarmed = value
            return NO_ALARM
        if math.isnan(value):
            return NAN_ALARM
        for severity, limit, sign, status in self._in_order():
            if severity and self._is_beyond(value, limit, sign):
                self.last_alarmed = limit
                self._stands = True
                return _alarm_beyond(severity, status, sign, limit)
        self.last_alarmed = value
        self._stands = False
        return NO_ALARM

    def _in_order(self) -> tuple[tuple[int, float, int, Status], ...]:
        """As EPICS base looks: the outer limits first, the upper one of each pair."""
        return (
            (self.hihi_severity, self.hihi, 1, Status.HIHI),
            (self.lolo_severity, self.lolo, -1, Status.LOLO),
            (self.high_severity, self.high, 1, Status.HIGH),
            (self.low_severity, self.low, -1, Status.LOW),
        )

    def _is_beyond(self, value: float, limit: float, sign: int) -> bool:
        stands = self.last_alarmed == limit
        margin = self.hysteresis if stands else 0.0
        return sign * value >= sign * limit - margin


_BEYOND = {1: "at or above", -1: "at or below"}


@functools.lru_cache(maxsize=256)
def _alarm_beyond(severity: int, status: Status, sign: int, limit: float) -> Alarm:
    """The words name the limit, not the value: new words alone would be an event."""
    return Alarm(severity, status, f"{_BEYOND[sign]} {status.name} {limit:g}")


class AlarmStates:
    """The severities of the states of one enum or bool (.ZSV, .ONSV, ...)."""

    def __init__(self, severities: Sequence[int]) -> None:
        """`severities[i]` is that of state i; missing ones are NO_ALARM."""
        self.severities = list(severities)

    @property
    def is_set(self) -> bool:
        """Whether any state can alarm."""
        return any(self.severities)

    def check(self, index: int, state: str) -> Alarm:
        """The alarm of the state with this index and string."""
        if 0 <= index < len(self.severities) and self.severities[index]:
            return Alarm(self.severities[index], Status.STATE, f"state {state}")
        return NO_ALARM
