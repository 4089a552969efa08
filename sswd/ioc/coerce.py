"""A posted value -> what its PV may hold, or PostRefused in words; never anything else.

`coercer(data)` looks at the PV once and returns the function for its type:

| the PV holds | taken | refused |
|---|---|---|
| float | float, int, bool, arrays of one | text, bytes |
| int (16 or 32 bits) | int, bool, floats without a fraction | 1.5, NaN, 2**31 |
| enum, bool | a string of it, an index, True and False | any other string or index |
| str | str, UTF-8 bytes, numbers as Python writes them (True is "1") | lists |
| long string | the same, uint8 arrays as characters | what does not fit |
| float or int array | numbers, arrays and lists of them, flattened in C order | text |
| bytes | bytes, arrays and lists of 0 to 255 | str |
| str array | a str, lists of str and numbers | nested lists |

A str is cut to the 39 bytes of a DBR_STRING, between characters; whatever else is too
long is refused. An empty array is a legal value of everything that can hold two.
NaN and infinity are values unless `finite`. None is never one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from caproto import ChannelType

from sswd.codec import Unsendable
from sswd.errors import PostRefused
from sswd.ioc.longstring import LongString, LongStringRO, cut_text, encode_text

Coerce = Callable[[object], Any]
Array = npt.NDArray[Any]

STRING_BYTES = 39
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_INTEGERS: dict[Any, "np.iinfo[Any]"] = {
    ChannelType.INT: np.iinfo(np.int16),
    ChannelType.LONG: np.iinfo(np.int32),
}
_FLOATS = {ChannelType.FLOAT: np.dtype(np.float32), ChannelType.DOUBLE: np.dtype(float)}


def coercer(data: Any, *, finite: bool = False) -> Coerce:
    """The function that makes posted values fit `data`, a caproto ChannelData.

    It takes what a worker can post (float, int, bool, str, bytes, None, lists, numpy
    arrays and scalars, Unsendable) and returns what `sswd.ioc.ca.post` writes:

    - float, int or str of a scalar PV; the string of an enum
    - a read-only, contiguous, native 1-D array of the PV's own dtype (float64, float32,
      int32, int16) of a numeric array PV; not copied when it is that already
    - a read-only uint8 array of a bytes PV, or b"" when it is empty
    - a list of str of a string array PV

    It raises PostRefused, whose text starts with the PV's name, and nothing else.
    Loop thread or any other; it keeps no state.
    """
    rule = _rule(data, finite)
    name = _short_name(data)

    def coerce(value: object) -> Any:
        try:
            return rule(value)
        except _Unfit as unfit:
            text = str(unfit)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            # Values that no table foresaw, e.g. an int of 10,000 digits.
            text = f"{type(value).__name__} cannot be converted: {error}"
        raise PostRefused(f"{name}: {text}")

    if rule is _to_float:
        return _fast_float(coerce)
    return coerce


def _fast_float(coerce: Coerce) -> Coerce:
    def coerce_float(value: object) -> Any:
        return value if type(value) is float else coerce(value)

    return coerce_float


class _Unfit(Exception):  # noqa: N818 - control flow within this module
    """Why a value does not fit."""


def _short_name(data: Any) -> str:
    """What the system calls the PV: its name without the prefix."""
    spec = getattr(data, "pvspec", None)
    return str(getattr(spec, "name", None) or getattr(data, "pvname", "the PV"))


def _rule(data: Any, finite: bool) -> Coerce:
    kind, room = data.data_type, data.max_length
    if isinstance(data, LongString | LongStringRO):
        return lambda value: _to_text(value, room, None)
    if kind == ChannelType.CHAR and data.string_encoding:
        return lambda value: _to_text(value, room, data.string_encoding)
    if kind == ChannelType.CHAR:
        return lambda value: _to_bytes(value, room)
    if kind == ChannelType.STRING:
        return _string_rule(room, data.string_encoding)
    if kind == ChannelType.ENUM:
        # Read at each post: clients may rename states through .ZRST and the like.
        return lambda value: _to_state(value, data.enum_strings)
    return _number_rule(kind, room, finite)


def _string_rule(room: int, encoding: str) -> Coerce:
    if room == 1:
        return lambda value: _to_string(value, encoding)
    return lambda value: _to_strings(value, room, encoding)


def _number_rule(kind: int, room: int, finite: bool) -> Coerce:
    if kind in _INTEGERS:
        info = _INTEGERS[kind]
        if room == 1:
            return lambda value: _to_int(value, info)
        return lambda value: _to_ints(value, room, info)
    dtype = _FLOATS[kind]
    if room > 1:
        return lambda value: _to_floats(value, room, dtype, finite)
    if finite or kind == ChannelType.FLOAT:
        most = _FLOAT32_MAX if kind == ChannelType.FLOAT else np.inf
        return lambda value: _bounded(_to_float(value), most, finite)
    return _to_float


# -- scalars


def _one(value: object) -> object:
    """The Python scalar in a numpy scalar or in an array or list of one."""
    if isinstance(value, Unsendable):
        raise _Unfit(f"the worker could not send it: {value.reason}")
    if value is None:
        raise _Unfit("None is no value")
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | list | tuple):
        size = value.size if isinstance(value, np.ndarray) else len(value)
        if size != 1:
            raise _Unfit(f"{size} elements, the PV holds 1")
        return _one(value.item() if isinstance(value, np.ndarray) else value[0])
    return value


def _to_float(value: object) -> float:
    value = _one(value)
    if isinstance(value, float | int):
        return float(value)
    raise _Unfit(f"{_shown(value)} is no number, the PV holds a float")


def _bounded(value: float, most: float, finite: bool) -> float:
    if not np.isfinite(value):
        if finite:
            raise _Unfit(f"{value} is not finite, and the PV has finite = true")
    elif abs(value) > most:
        raise _Unfit(f"{value} is too large for the PV's 32-bit float")
    return value


def _to_int(value: object, info: "np.iinfo[Any]") -> int:
    value = _one(value)
    if not isinstance(value, float | int):
        raise _Unfit(f"{_shown(value)} is no number, the PV holds an int")
    if isinstance(value, float) and not value.is_integer():
        raise _Unfit(f"{value} is no whole number, the PV holds an int")
    number = int(value)
    if not info.min <= number <= info.max:
        raise _Unfit(f"{_shown(number)} is outside the PV's {info.bits}-bit int")
    return number


def _to_state(value: object, strings: tuple[str, ...]) -> str:
    value = _one(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        if value in strings:
            return value
        raise _Unfit(f"{_shown(value)} is none of {', '.join(map(repr, strings))}")
    if isinstance(value, float | int) and value == int(value):
        index = int(value)
        if 0 <= index < len(strings):
            return strings[index]
    raise _Unfit(f"{_shown(value)} is no index of the PV's {len(strings)} strings")


# -- text


def _text(value: object) -> str:
    """Text up to its first NUL, where C clients would stop reading."""
    value = _one(value)
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).decode("utf-8", "replace")
    elif isinstance(value, int):
        value = str(int(value))  # True as "1": what ACK means by it
    elif isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str):
        raise _Unfit(f"{_shown(value)} is no text")
    return value.partition("\0")[0]


def _to_string(value: object, encoding: str) -> str:
    text = value.partition("\0")[0] if type(value) is str else _text(value)
    if len(text) <= STRING_BYTES and text.isascii():
        return text
    chars = text.encode(encoding, "replace")
    if encoding.replace("-", "").lower() == "utf8":
        return cut_text(chars, STRING_BYTES).decode(encoding)
    return chars[:STRING_BYTES].decode(encoding, "ignore")


def _to_strings(value: object, room: int, encoding: str) -> list[str]:
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    elements = value if isinstance(value, list | tuple) else [value]
    _fits(len(elements), room)
    for element in elements:
        if isinstance(element, list | tuple | np.ndarray):
            raise _Unfit("a list within a list, the PV holds an array of strings")
    return [_to_string(element, encoding) for element in elements]


def _to_text(value: object, room: int, encoding: str | None) -> str:
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        value = value.tobytes()
    text = _text(value)
    if encoding is None:
        # LongString's own: UTF-8 in which bytes of another encoding survive.
        chars = encode_text(text)
    else:
        chars = text.encode(encoding, "replace")
        text = chars.decode(encoding)
    if len(chars) > room:
        raise _Unfit(f"{len(chars)} bytes, the PV holds {room}")
    return text


# -- arrays


def _fits(size: int, room: int) -> None:
    if size > room:
        raise _Unfit(f"{size} elements, the PV holds {room}")


def _numbers(value: object, room: int) -> Array:
    """`value` as a 1-D array of a numeric dtype and at most `room` elements."""
    if not isinstance(value, np.ndarray):
        if isinstance(value, list | tuple):
            _fits(len(value), room)
        elif not isinstance(value, float | int | np.generic):
            raise _Unfit(f"{_shown(_one(value))} is no array of numbers")
        try:
            value = np.asarray(value)
        except (ValueError, OverflowError):
            raise _Unfit("a ragged list or one of mixed types") from None
    _fits(value.size, room)
    if value.dtype.kind not in "biuf":
        raise _Unfit(f"elements of type {value.dtype}, the PV holds numbers")
    return value.reshape(-1)


def _kept(array: Array, dtype: np.dtype[Any]) -> Array:
    """`array` as dtype, contiguous and read-only; itself when it is all of that."""
    if array.flags.writeable or array.dtype != dtype or not array.flags.c_contiguous:
        with np.errstate(over="ignore"):
            array = array.astype(dtype)
        array.flags.writeable = False
    return array


def _to_floats(value: object, room: int, dtype: np.dtype[Any], finite: bool) -> Array:
    given = _numbers(value, room)
    array = _kept(given, dtype)
    if finite or dtype == np.float32:
        bad = ~np.isfinite(array) if finite else np.isinf(array) & np.isfinite(given)
        if bad.any():
            first = int(np.argmax(bad))
            why = "has finite = true" if finite else "holds 32-bit floats"
            raise _Unfit(f"element {first} is {given[first]}, and the PV {why}")
    return array


def _to_ints(value: object, room: int, info: "np.iinfo[Any]") -> Array:
    array = _whole(_numbers(value, room), int(info.min), int(info.max))
    return _kept(array, np.dtype(info.dtype))


def _whole(array: Array, low: int, high: int) -> Array:
    """`array`, when every element is a whole number from low to high."""
    if array.dtype.kind == "f":
        # NaN and infinity are no whole numbers: np.trunc(nan) != nan, inf > high.
        wrong = np.flatnonzero(array != np.trunc(array))
        if wrong.size:
            text = (
                f"element {wrong[0]} is {array[wrong[0]]}, the PV holds whole numbers"
            )
            raise _Unfit(text)
    if array.size and (array.min() < low or array.max() > high):
        span = f"{array.min()} to {array.max()}"
        raise _Unfit(f"elements from {span}, the PV holds {low} to {high}")
    return array


def _to_bytes(value: object, room: int) -> Array | bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        _fits(len(bytes(value)), room)
        array: Array = np.frombuffer(bytes(value), np.uint8)
    else:
        array = _whole(_numbers(value, room), 0, 255)
        array = _kept(array, np.dtype(np.uint8))
    if array.size == 0:
        if room == 1:
            raise _Unfit("no element, the PV holds 1")
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
