"""What a server sends of a PV, as Python values: text as text, enums by name. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import caproto
from caproto import AlarmSeverity, AlarmStatus, ChannelType

Scalar = str | int | float
Response: TypeAlias = caproto.ReadNotifyResponse | caproto.EventAddResponse
"""What brings a value: the answer to a get, or an event of a monitor."""

_SPACES = frozenset(b"\t\n\r")


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a PV with what belongs to it."""

    type: str
    """The channel's type: STRING, INT, FLOAT, ENUM, CHAR, LONG or DOUBLE."""
    value: Scalar | list[Scalar]
    """A list of whatever can hold more than one element, except of a text."""
    status: str
    severity: str
    """As EPICS has them: NO_ALARM, MINOR, MAJOR, INVALID."""
    stamp_s: float
    """The server's time stamp, in s since 1970."""
    units: str = ""


def read_type(native: int, *, as_number: bool) -> int:
    """The type with time stamp in which a channel is to be read.

    An enum's name is asked of the server, which knows its present ones.
    """
    if native == ChannelType.ENUM and not as_number:
        return int(ChannelType.TIME_STRING)
    return int(caproto.field_types["time"][ChannelType(native)])


def reading(
    native: int, capacity: int, response: Response, *, as_number: bool, units: str = ""
) -> Reading:
    """From caproto's answer or event of the type that `read_type` says.

    `capacity` is how many elements the channel can hold; `as_number` has chars as
    numbers, and the index of an enum.
    """
    metadata = response.metadata
    return Reading(
        ChannelType(native).name,
        _value(response, capacity, as_number=as_number),
        AlarmStatus(metadata.status).name,
        AlarmSeverity(metadata.severity).name.removesuffix("_ALARM")
        if metadata.severity
        else "NO_ALARM",
        float(metadata.timestamp),
        units,
    )


def units_of(response: Response) -> str:
    """The units in an answer with control information; "" where there are none."""
    return text_of(bytes(getattr(response.metadata, "units", b"")))


def _value(
    response: Response, capacity: int, *, as_number: bool
) -> Scalar | list[Scalar]:
    native = caproto.native_type(response.data_type)
    values: list[Scalar]
    if native == ChannelType.CHAR:
        chars = bytes(response.data)
        if capacity > 1 and not as_number and _is_text(chars):
            return text_of(chars)
        values = list(chars)
    elif native == ChannelType.STRING:
        values = [text_of(bytes(each)) for each in response.data]
        if capacity == 1:
            return values[0] if values else ""  # an empty lso of EPICS base has none
    elif native == ChannelType.FLOAT:
        values = [float(str(each)) for each in response.data]  # 0.1, not 0.10000000149
    else:
        values = response.data.tolist()
    return values[0] if capacity == 1 and len(values) == 1 else values


def text_of(chars: bytes) -> str:
    """The text before the first NUL."""
    return chars.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _is_text(chars: bytes) -> bool:
    """Whether an array of chars is a text and no picture: printable, then NULs only."""
    text, _, rest = chars.partition(b"\0")
    if rest.strip(b"\0"):
        return False
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(char >= 32 or char in _SPACES for char in text)


def plain(value: Scalar | Sequence[Scalar], at_most: int | None = None) -> str:
    """A value as a line shows it: 2.0 as 2, arrays as [1, 2, 3, ... 97 more].

    `at_most` elements of an array are shown; None: all.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, int | float):
        return _number(value)
    shown = [_element(each) for each in value[:at_most]]
    if len(value) > len(shown):
        shown.append(f"... {len(value) - len(shown)} more")
    return f"[{', '.join(shown)}]"


def _element(value: Scalar) -> str:
    return f'"{printable(value)}"' if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    text = repr(value)
    return text.removesuffix(".0")


_CONTROL = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160))}
_CONTROL |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def printable(text: str) -> str:
    """A text that neither breaks a line nor drives a terminal."""
    return text.translate(_CONTROL)
