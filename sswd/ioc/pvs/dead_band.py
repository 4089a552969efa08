"""Which events a new value makes: DBE_VALUE beyond MDEL, DBE_LOG beyond ADEL. Pure.

The rule is recGblCheckDeadband() of EPICS base: an event when the value differs from
the last one that made an event by more than the dead band. 0 means every change, a
negative one every post. NaN differs from every number and not from NaN.
"""

import math

DBE_VALUE, DBE_LOG = 1, 2
"""Of caeventmask.h."""


class DeadBand:
    """The dead bands of one number and the last values that made events."""

    __slots__ = ("adel", "last_archived", "last_monitored", "mdel")

    def __init__(self, mdel: float, adel: float, value: float) -> None:
        self.mdel = mdel
        self.adel = adel
        self.last_monitored = value
        """.MLST"""
        self.last_archived = value
        """.ALST"""

    def check(self, value: float) -> int:
        """DBE_VALUE and DBE_LOG, as `value` makes them; remembers it then."""
        events = 0
        distance = value - self.last_monitored
        if distance < 0:
            distance = -distance
        elif distance != distance:  # noqa: PLR0124 (NaN differs from itself)
            distance = difference(self.last_monitored, value)
        if distance > self.mdel:
            self.last_monitored = value
            events = DBE_VALUE
        distance = value - self.last_archived
        if distance < 0:
            distance = -distance
        elif distance != distance:  # noqa: PLR0124
            distance = difference(self.last_archived, value)
        if distance > self.adel:
            self.last_archived = value
            events |= DBE_LOG
        return events


def difference(old: float, new: float) -> float:
    """How far two numbers differ; infinity where one of them is not finite."""
    if math.isfinite(old) and math.isfinite(new):
        return abs(old - new)
    if old == new or (math.isnan(old) and math.isnan(new)):
        return 0.0
    return math.inf
