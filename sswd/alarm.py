"""EPICS's words for alarms: severity and status, as names and as numbers.

Numbers and names are those of EPICS base's alarm.h. Pure; worker and IOC both use it.
"""

from enum import IntEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

Word = TypeVar("Word", bound=IntEnum)


class Severity(IntEnum):
    """How grave an alarm is. MAJOR and MINOR values may be used, INVALID ones not."""

    NO_ALARM = 0
    MINOR = 1
    MAJOR = 2
    INVALID = 3


class Status(IntEnum):
    """Why there is an alarm."""

    NO_ALARM = 0
    READ = 1
    WRITE = 2
    HIHI = 3
    HIGH = 4
    LOLO = 5
    LOW = 6
    STATE = 7
    COS = 8
    COMM = 9
    TIMEOUT = 10
    HWLIMIT = 11
    CALC = 12
    SCAN = 13
    LINK = 14
    SOFT = 15
    BAD_SUB = 16
    UDF = 17
    DISABLE = 18
    SIMM = 19
    READ_ACCESS = 20
    WRITE_ACCESS = 21


MESSAGE_BYTES = 39
"""What `.AMSG` carries of an alarm's words, beside the NUL (MAX_STRING_SIZE)."""


class Alarm(msgspec.Struct, frozen=True, array_like=True):
    """One alarm: how grave, why, and in which words."""

    severity: Annotated[int, Meta(ge=0, le=3)] = Severity.NO_ALARM
    status: Annotated[int, Meta(ge=0, le=21)] = Status.NO_ALARM
    message: Annotated[str, Meta(max_length=4_096)] = ""


NO_ALARM = Alarm()


def alarm_of(
    severity: str | int | None, status: str | int | None = None, message: str = ""
) -> Alarm:
    """The alarm that a driver names.

    `severity` and `status` are names ("MAJOR", "HIHI"), numbers or members of
    Severity and Status; an alarm without a status has SOFT, as record support that
    has nothing nearer to say. A status alone is INVALID. Raises ValueError, whose
    words list the names, for anything else.
    """
    if severity is None:
        grave = Severity.NO_ALARM if status is None else Severity.INVALID
    else:
        grave = _word(Severity, severity, "severity")
    why = Status.SOFT if status is None else _word(Status, status, "status")
    if grave is Severity.NO_ALARM:
        return Alarm(grave, Status.NO_ALARM, message) if message else NO_ALARM
    return Alarm(grave, why, message)


def _word(words: type[Word], given: str | int, what: str) -> Word:
    try:
        if isinstance(given, str):
            return words[given.upper()]
        return words(int(given))
    except (KeyError, ValueError, TypeError):
        names = ", ".join(words.__members__)
        raise ValueError(f"{given!r} is no alarm {what}; say one of {names}") from None
