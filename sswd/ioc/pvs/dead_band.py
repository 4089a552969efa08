"""Which events a new value makes: DBE_VALUE beyond MDEL, DBE_LOG beyond ADEL. Pure.

The rule is recGblCheckDeadband() of EPICS base: an event when the value differs from
the last one that made an event by more than the dead band. 0 means every change, a
negative one every post. NaN differs from every number and not from NaN.
"""

import math


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

    def check(self, value: float) -> tuple[bool, bool]:
        """Whether `value` makes a DBE_VALUE and a DBE_LOG event; remembers it then."""
        is_value = difference(self.last_monitored, value) > self.mdel
        if is_value:
            self.last_monitored = value
        is_log = difference(self.last_archived, value) > self.adel
        if is_log:
            self.last_archived = value
        return is_value, is_log


def difference(old: float, new: float) -> float:
    """How far two numbers differ; infinity where one of them is not finite."""
    if math.isfinite(old) and math.isfinite(new):
        return abs(old - new)
    if old == new or (math.isnan(old) and math.isnan(new)):
        return 0.0
    return math.inf
