"""What a client puts, ready for caproto's conversions; refused where it cannot fit.

EPICS base takes "7 apples" as 7 and wraps 40000 into 16 bits; here a put that succeeds
has put what was meant.
"""

import re

import numpy as np
from numpy.typing import NDArray

from sswd.ioc.ca.caproto_private.data import (
    CaprotoValueError,
    Data,
    Elements,
    enum_strings,
    values_from_wire,
)
from sswd.ioc.ca.codec import protocol

_INTEGERS = {
    protocol.SHORT: (-(1 << 15), (1 << 15) - 1),
    protocol.LONG: (-(1 << 31), (1 << 31) - 1),
    protocol.CHAR: (0, (1 << 8) - 1),
}
"""The least and the greatest number of each integer type."""
_BIG_ENDIAN = {
    protocol.SHORT: ">i2",
    protocol.FLOAT: ">f4",
    protocol.CHAR: "u1",
    protocol.LONG: ">i4",
    protocol.DOUBLE: ">f8",
}
Numbers = NDArray[np.integer | np.floating]
_HEX = re.compile(r"[+-]?0[xX][0-9a-fA-F]+")


def values(data: Data, dtype: int, count: int, body: bytes) -> tuple[int, Elements]:
    """(native type, elements) of a put, as caproto's auth_write takes them.

    More elements than the PV holds are cut off, as in EPICS base. Raises
    CaprotoValueError.
    """
    native = protocol.native(dtype)
    size = protocol.ELEMENT_SIZE[native]
    if count == 0 and data.max_length == 1:
        raise CaprotoValueError("a put of no element to a scalar")
    count = min(count, data.max_length)
    offset = protocol.VALUE_OFFSET[dtype]
    body = body[offset : offset + count * size]
    if len(body) < count * size and native != protocol.STRING:
        raise CaprotoValueError(f"{count} elements announced, {len(body) // size} sent")
    return _converted(data, native, values_from_wire(native, count, body))


def _converted(data: Data, native: int, given: Elements) -> tuple[int, Elements]:
    to = int(data.data_type)
    if to == protocol.ENUM:
        return _state(data, native, given)
    if native == to or getattr(data, "is_long_string", False):
        return native, given
    if to == protocol.STRING:
        # caproto knows an ENUM only together with its states.
        return (
            (protocol.LONG, given.astype(">i4"))
            if native == protocol.ENUM
            else (native, given)
        )
    if to not in _BIG_ENDIAN or (to == protocol.CHAR and data.string_encoding):
        return native, given
    if native == protocol.STRING:
        given = [_number(text.decode("latin-1"), to) for text in given]
    limits = getattr(data, "integer_range", None) or _INTEGERS.get(to)
    return to, _in_range(np.asarray(given), to, limits)


def _state(data: Data, native: int, given: Elements) -> tuple[int, Elements]:
    """An enum's state by its number, its text, or its number as text."""
    states = enum_strings(data)
    if native == protocol.STRING:
        text = given[0].decode(data.string_encoding or "latin-1", "replace")
        if text in states or (not states and not text.strip().isdecimal()):
            return native, given
        if not text.strip().isdecimal():
            raise CaprotoValueError(f"there is no state {text!r}, only {list(states)}")
        number = int(text)
    else:
        number = int(given[0]) if np.isfinite(given[0]) else -1
    if not 0 <= number < (len(states) or 1 << 16):
        raise CaprotoValueError(f"there is no state {number}, only {list(states)}")
    return protocol.ENUM, np.array([number], ">u2")


def _number(text: str, to: int) -> float:
    """The number that a text is: decimal, with exponent, or hexadecimal."""
    text = text.strip()
    if not text:
        return 0.0
    if _HEX.fullmatch(text):
        return float(int(text, 16))
    try:
        return float(text.replace("_", "?"))  # Python alone reads 1_0 as ten
    except ValueError:
        what = "an integer" if to in _INTEGERS else "a number"
        raise CaprotoValueError(f"{text!r} is not {what}") from None


def _in_range(given: Numbers, to: int, limits: tuple[int, int] | None) -> Numbers:
    """`given` as the PV's own type; a fraction is cut off, an overflow refused.

    `limits` may be those of another integer of the same size: the bits are put then.
    """
    if limits is not None and given.dtype != np.int8:
        low, high = limits
        number = np.trunc(given) if given.dtype.kind == "f" else given
        # A NaN fails this as well.
        fits = (number >= low) & (number <= high)
        if not np.all(fits):
            worst = given[~fits][0]
            raise CaprotoValueError(f"{worst} does not fit into {low} to {high}")
        if to != protocol.DOUBLE:
            given = number.astype(np.int64)
    with np.errstate(over="ignore"):
        return given.astype(_BIG_ENDIAN[to])
