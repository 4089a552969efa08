"""Which alarm a PV shows when several conditions hold: the one of the gravest.

When that condition ends, the PV shows the gravest of those that are left.

Pure. Severity and status are EPICS's numbers (alarm.h).
"""

from dataclasses import dataclass, field
from enum import IntEnum


class Condition(IntEnum):
    """Reasons for an alarm on a PV, gravest first."""

    GONE = 0
    """The worker is gone: the value is old. INVALID/COMM."""
    STALLED = 1
    """The worker is silent. INVALID/TIMEOUT."""
    FAILED = 2
    """The last command on this PV failed. MAJOR/WRITE."""


NO_ALARM = (0, 0)
_MINOR, _MAJOR, _INVALID = 1, 2, 3
_COMM, _TIMEOUT, _WRITE = 9, 10, 2
ALARMS = {
    Condition.GONE: (_COMM, _INVALID),
    Condition.STALLED: (_TIMEOUT, _INVALID),
    Condition.FAILED: (_WRITE, _MAJOR),
}
"""Condition -> (status, severity)."""


@dataclass
class AlarmTable:
    """The conditions of every PV of one system."""

    _held: dict[str, set[Condition]] = field(default_factory=dict)

    def raise_(self, pv: str, condition: Condition) -> tuple[int, int] | None:
        """Add a condition; the PV's new (status, severity), None if unchanged."""
        return self._change(pv, condition, adds=True)

    def clear(self, pv: str, condition: Condition) -> tuple[int, int] | None:
        """Take a condition away; the same answer."""
        return self._change(pv, condition, adds=False)

    def holds(self, pv: str, condition: Condition) -> bool:
        """Whether the PV has this condition."""
        return condition in self._held.get(pv, ())

    def _change(
        self, pv: str, condition: Condition, *, adds: bool
    ) -> tuple[int, int] | None:
        held = self._held.setdefault(pv, set())
        before = _gravest(held)
        (held.add if adds else held.discard)(condition)
        after = _gravest(held)
        return None if after == before else after


def _gravest(held: set[Condition]) -> tuple[int, int]:
    return ALARMS[min(held)] if held else NO_ALARM
