"""One posted value into one type: the conversions behind coerce.py. Pure.

Each function returns what fits, or raises Unfit with the reason; ValueError, TypeError,
OverflowError and RecursionError come from values that no rule foresaw.
"""

from collections.abc import Sequence
from typing import NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from sswd.ioc.pvs.longstring import cut_text, encode_text
from sswd.pipe.codec import Unsendable
from sswd.sizes import STRING_BYTES

_SEEN = 4 * (STRING_BYTES + 1)
"""Bytes of which STRING_BYTES are left in any encoding."""
_NESTED = 4_096
"""Lists in a list that numpy may look at: it takes 2 us for each. A worker of ours
sends an array instead."""
EXACT = 2**53
"""Up to here a double is every whole number."""
Array: TypeAlias = npt.NDArray[np.number]
IntInfo: TypeAlias = "np.iinfo[np.integer]"
PvValue: TypeAlias = float | int | str | bytes | Array | list[str]
"""What a PV may hold, once a value is made to fit it.

- a float, an int or a str of a scalar PV; an enum's is one of its strings
- a read-only, contiguous, native 1-D array of the PV's own dtype of a numeric array PV
- a read-only uint8 array of a bytes PV, or b"" when it is empty
- a list of str of a string array PV

What may come before that is anything: object.
"""


class Unfit(Exception):
    """Why a value does not fit."""


# -- scalars


def _one(value: object) -> object:
    """The Python scalar in a numpy scalar or in an array or list of one."""
    if isinstance(value, Unsendable):
        raise Unfit(f"the worker could not send it: {value.reason}")
    if value is None:
        raise Unfit("None is no value")
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | list | tuple):
        size = value.size if isinstance(value, np.ndarray) else len(value)
        if size != 1:
            raise Unfit(f"{size} elements, the PV holds 1")
        return _one(value.item() if isinstance(value, np.ndarray) else value[0])
    return value


def to_float(value: object) -> float:
    """A float of a scalar PV."""
    value = _one(value)
    if isinstance(value, float | int):
        return float(value)
    raise Unfit(f"{_shown(value)} is no number, the PV holds a float")


def bounded(value: float, most: float, finite: bool) -> float:
    """`value`, if it is finite where asked and its size at most `most`."""
    if not np.isfinite(value):
        if finite:
            raise Unfit(f"{value} is not finite, and the PV has finite = true")
    elif abs(value) > most:
        raise Unfit(f"{value} is too large for the PV's 32-bit float")
    return value


def to_int(value: object, info: IntInfo) -> int:
    """An int within `info`, of a scalar PV."""
    value = _one(value)
    if not isinstance(value, float | int):
        raise Unfit(f"{_shown(value)} is no number, the PV holds an int")
    if isinstance(value, float) and not value.is_integer():
        raise Unfit(f"{value} is no whole number, the PV holds an int")
    number = int(value)
    if not info.min <= number <= info.max:
        raise Unfit(f"{_shown(number)} is outside the PV's {info.bits}-bit int")
    return number


def to_int64(value: object) -> float:
    """A whole number as the double that stands for it."""
    value = _one(value)
    if not isinstance(value, float | int):
        raise Unfit(f"{_shown(value)} is no number, the PV holds an int64")
    if isinstance(value, float) and not value.is_integer():
        raise Unfit(f"{value} is no whole number, the PV holds an int64")
    if abs(value) > EXACT:
        raise Unfit(f"{_shown(int(value))} is beyond 2**53, where doubles have gaps")
    return float(value)


def to_nothing(value: object) -> NoReturn:
    """An action has no value of its own."""
    del value
    raise Unfit("an action reads back 0; post to another PV")


def to_state(value: object, strings: Sequence[str]) -> str:
    """One of an enum's strings, from itself or its index."""
    value = _one(value)
    if isinstance(value, bytes):
        value = value[:_SEEN].decode("utf-8", "replace")
    if isinstance(value, str):
        if value in strings:
            return value
        raise Unfit(f"{_shown(value)} is none of {', '.join(map(repr, strings))}")
    if isinstance(value, float | int) and value == int(value):
        index = int(value)
        if 0 <= index < len(strings):
            return strings[index]
    raise Unfit(f"{_shown(value)} is no index of the PV's {len(strings)} strings")


# -- text


def _text(value: object, most: int | None = None) -> str:
    """Text up to its first NUL, where C clients would stop reading.

    Of bytes, `most` are looked at: what is no UTF-8 takes 0.3 us a byte."""
    value = _one(value)
    if isinstance(value, bytes | bytearray | memoryview):
        chars = bytes(value).partition(b"\0")[0]
        value = chars[:most].decode("utf-8", "replace")
    elif isinstance(value, int):
        value = str(int(value))  # True as "1": what ACK means by it
    elif isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str):
        raise Unfit(f"{_shown(value)} is no text")
    return value.partition("\0")[0]


def to_string(value: object, encoding: str) -> str:
    """Text of at most STRING_BYTES in `encoding`, cut between characters."""
    text = value.partition("\0")[0] if type(value) is str else _text(value, _SEEN)
    if len(text) <= STRING_BYTES and text.isascii():
        return text
    chars = text.encode(encoding, "replace")
    if encoding.replace("-", "").lower() == "utf8":
        return cut_text(chars, STRING_BYTES).decode(encoding)
    return chars[:STRING_BYTES].decode(encoding, "ignore")


def to_strings(value: object, room: int, encoding: str) -> list[str]:
    """At most `room` such texts."""
    if isinstance(value, np.ndarray):
        _fits(value.size, room)
        value = value.ravel().tolist()
    elements = value if isinstance(value, list | tuple) else [value]
    _fits(len(elements), room)
    for element in elements:
        if isinstance(element, list | tuple | np.ndarray):
            raise Unfit("a list within a list, the PV holds an array of strings")
    return [to_string(element, encoding) for element in elements]


def to_text(value: object, room: int, encoding: str | None) -> str:
    """Text of at most `room` bytes in `encoding`; None: as LongString encodes it."""
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        value = value.tobytes()
    if isinstance(value, bytes) and len(value) > 4 * room:
        value = value.partition(b"\0")[0]
        if len(value) > 4 * room:  # no encoding makes it so much shorter
            raise Unfit(f"{len(value)} bytes, the PV holds {room}")
    text = _text(value)
    if encoding is None:
        chars = encode_text(text)
    else:
        chars = text.encode(encoding, "replace")
        text = chars.decode(encoding)
    if len(chars) > room:
        raise Unfit(f"{len(chars)} bytes, the PV holds {room}")
    return text


# -- arrays


def _fits(size: int, room: int) -> None:
    if size > room:
        raise Unfit(f"{size} elements, the PV holds {room}")


def _numbers(value: object, room: int) -> Array:
    """`value` as a 1-D array of a numeric dtype and at most `room` elements."""
    if not isinstance(value, np.ndarray):
        if isinstance(value, list | tuple):
            _fits(len(value), room)
            _no_text(value)
        elif not isinstance(value, float | int | np.generic):
            raise Unfit(f"{_shown(_one(value))} is no array of numbers")
        try:
            value = np.asarray(value)
        except (ValueError, OverflowError):
            raise Unfit("a ragged list or one of mixed types") from None
    _fits(value.size, room)
    if value.dtype.kind not in "biuf":
        raise Unfit(f"elements of type {value.dtype}, the PV holds numbers")
    if (
        value.dtype.char == "e"
    ):  # float16: too narrow for the bounds that it is compared with
        value = value.astype(np.float32)
    return value.reshape(-1)


def _no_text(values: list[object] | tuple[object, ...]) -> None:
    """Refuse texts before numpy sees them: it would give each element the room of the
    longest, and two long texts among many numbers take all memory."""
    for element in values:
        if isinstance(element, str | bytes):
            kind = type(element).__name__
            raise Unfit(f"elements of type {kind}, the PV holds numbers")
        if isinstance(element, list | tuple):
            if len(values) > _NESTED:
                raise Unfit(f"{len(values)} lists in a list; post an array")
            _no_text(element)


def _kept(array: Array, dtype: np.dtype[np.number]) -> Array:
    """`array` as dtype, contiguous and read-only; itself when it is all of that."""
    if array.flags.writeable or array.dtype != dtype or not array.flags.c_contiguous:
        with np.errstate(over="ignore"):
            array = array.astype(dtype)
        array.flags.writeable = False
    return array


def to_floats(
    value: object, room: int, dtype: np.dtype[np.number], finite: bool
) -> Array:
    """A read-only 1-D array of `dtype` with at most `room` elements."""
    given = _numbers(value, room)
    array = _kept(given, dtype)
    if finite or dtype.char == "f":
        bad = ~np.isfinite(array) if finite else np.isinf(array) & np.isfinite(given)
        if bad.any():
            first = int(np.argmax(bad))
            why = "has finite = true" if finite else "holds 32-bit floats"
            raise Unfit(f"element {first} is {given[first]}, and the PV {why}")
    return array


def to_ints(value: object, room: int, info: IntInfo) -> Array:
    """A read-only 1-D array of `info`'s dtype with at most `room` elements."""
    array = _whole(_numbers(value, room), int(info.min), int(info.max))
    return _kept(array, np.dtype(info.dtype))


def to_int64s(value: object, room: int) -> Array:
    """A read-only 1-D float64 array of whole numbers up to 2**53."""
    return _kept(_whole(_numbers(value, room), -EXACT, EXACT), np.dtype(np.float64))


def _whole(array: Array, low: int, high: int) -> Array:
    """`array`, when every element is a whole number from low to high."""
    if array.dtype.kind == "f":
        # NaN and infinity are no whole numbers: np.trunc(nan) != nan, inf > high.
        wrong = np.flatnonzero(array != np.trunc(array))
        if wrong.size:
            text = (
                f"element {wrong[0]} is {array[wrong[0]]}, the PV holds whole numbers"
            )
            raise Unfit(text)
    if array.size and (array.min() < low or array.max() > high):
        span = f"{array.min()} to {array.max()}"
        raise Unfit(f"elements from {span}, the PV holds {low} to {high}")
    return array


def to_bytes(value: object, room: int) -> Array | bytes:
    """A read-only 1-D uint8 array with at most `room` elements, or b""."""
    if isinstance(value, bytes | bytearray | memoryview):
        _fits(len(bytes(value)), room)
        array: Array = np.frombuffer(bytes(value), np.uint8)
    else:
        array = _whole(_numbers(value, room), 0, 255)
        array = _kept(array, np.dtype(np.uint8))
    if array.size == 0:
        if room == 1:
            raise Unfit("no element, the PV holds 1")
        return b""  # caproto cannot read an empty array of CHAR
    return array


def _shown(value: object) -> str:
    """A short word for a value of any type and size."""
    if isinstance(value, str | bytes):
        return repr(value[:40]) + ("..." if len(value) > 40 else "")
    if isinstance(value, int) and value.bit_length() > 64:
        return "an int of more than 64 bits"
    if isinstance(value, int | float):
        return repr(value)
    return f"a value of type {type(value).__name__}"
