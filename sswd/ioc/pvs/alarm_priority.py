"""Which alarm a PV shows when several conditions hold. Pure.

INVALID shows before MAJOR, MAJOR before MINOR; among equals the first of `Source`
shows. When it ends, the next one shows.
"""

from collections.abc import Mapping
from enum import IntEnum

from sswd.alarm import NO_ALARM, Alarm, Severity, Status


class Source(IntEnum):
    """Who says that a PV is in alarm, in the order in which equals show."""

    WORKER_GONE = 0
    """The worker is gone: the value is old."""
    WORKER_SILENT = 1
    """The worker gives no sign of life."""
    LINK_LOST = 2
    """The system has lost its instrument."""
    READ_FAILED = 3
    """The method that reads the value raises."""
    STALE = 4
    """The value is older than the PV's `stale_s`."""
    INPUT_LOST = 5
    """A PV that this one depends on is lost."""
    DRIVER = 6
    """The driver says so."""
    LIMITS = 7
    """The value is beyond an alarm limit, in an alarm state, or not a number."""
    FAILED_COMMAND = 8
    """The last command on this PV failed."""

    __hash__ = int.__hash__  # Enum's own is ten times slower, and each post needs it


_FIXED = {
    Source.WORKER_GONE: (Severity.INVALID, Status.COMM),
    Source.WORKER_SILENT: (Severity.INVALID, Status.TIMEOUT),
    Source.LINK_LOST: (Severity.INVALID, Status.COMM),
    Source.READ_FAILED: (Severity.INVALID, Status.READ),
    Source.STALE: (Severity.INVALID, Status.TIMEOUT),
    Source.INPUT_LOST: (Severity.INVALID, Status.LINK),
    Source.FAILED_COMMAND: (Severity.MAJOR, Status.WRITE),
}


def alarm_from(source: Source, words: str = "") -> Alarm:
    """The alarm of a source whose severity and status are fixed."""
    severity, status = _FIXED[source]
    return Alarm(severity, status, words)


def shown_of(held: Mapping[Source, Alarm]) -> Alarm:
    """The one of these alarms that shows; NO_ALARM when there is none."""
    source = min(held, key=lambda s: (-held[s].severity, s), default=None)
    return NO_ALARM if source is None else held[source]
