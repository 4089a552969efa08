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
| int64, kept as a float | int up to 2**53 | 2**53 + 1 |
| an action | nothing | everything: it reads back 0 |
| str array | a str, lists of str and numbers | nested lists |

A str is cut to the 39 bytes of a DBR_STRING, between characters; whatever else is too
long is refused. An empty array is a legal value of everything that can hold two.
NaN and infinity are values unless `finite`. None is never one.
"""

from collections.abc import Callable

import numpy as np
from caproto import ChannelType

from sswd.errors import PostRefused
from sswd.ioc.pvs import convert
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.convert import IntInfo, PvValue
from sswd.ioc.pvs.longstring import LongString, LongStringRO
from sswd.pipe.codec import Unsendable
from sswd.pipe.plain import plain

Coerce = Callable[[object], PvValue]

_OURS = (float, int, bool, str, bytes, np.ndarray, type(None), Unsendable)
_IN_LISTS = (float, int, bool, str, bytes, list, tuple, type(None))
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_INTEGERS: dict[int, IntInfo] = {
    ChannelType.INT: np.iinfo(np.int16),
    ChannelType.LONG: np.iinfo(np.int32),
}
_ELEMENTS: dict[str, IntInfo] = {
    name: np.iinfo(name) for name in ("int16", "uint16", "int8", "uint8")
}
_FLOATS: dict[int, np.dtype[np.number]] = {
    ChannelType.FLOAT: np.dtype(np.float32),
    ChannelType.DOUBLE: np.dtype(np.float64),
}


def coercer(data: Channel, *, finite: bool = False) -> Coerce:
    """The function that makes posted values fit `data`, a caproto ChannelData.

    It takes what a worker can post (float, int, bool, str, bytes, None, lists, numpy
    arrays and scalars, Unsendable) and returns what `sswd.ioc.ca.post` writes; an array
    that is as it has to be already is not copied.

    It raises PostRefused, whose text starts with the PV's name, and nothing else.
    Loop thread or any other; it keeps no state.
    """
    rule = _rule(data, finite)
    name = _short_name(data)

    def coerce(value: object) -> PvValue:
        if not _is_ours(value):  # put in by hand, or by a putter of one's own
            value = plain(value)
        try:
            return rule(value)
        except convert.Unfit as unfit:
            text = str(unfit)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            # Values that no table foresaw, e.g. an int of 10,000 digits.
            text = f"{type(value).__name__} cannot be converted: {error}"
        raise PostRefused(f"{name}: {text}")

    if rule is convert.to_float:
        return _fast_float(coerce)
    return coerce


def _is_ours(value: object) -> bool:
    """Whether neither it nor what is in it is of a type that conversions know not."""
    if isinstance(value, list | tuple):
        return all(type(element) in _IN_LISTS for element in value)
    return type(value) in _OURS


def _fast_float(coerce: Coerce) -> Coerce:
    def coerce_float(value: object) -> PvValue:
        return value if type(value) is float else coerce(value)

    return coerce_float


def _short_name(data: Channel) -> str:
    """What the system calls the PV: its name without the prefix."""
    spec = getattr(data, "pvspec", None)
    return str(getattr(spec, "name", None) or getattr(data, "pvname", "the PV"))


def _rule(data: Channel, finite: bool) -> Coerce:
    kind, room = data.data_type, data.max_length
    element = getattr(data, "element", "")
    if element == "action":
        return convert.to_nothing
    if element == "int64":
        return _int64_rule(room)
    if element in _ELEMENTS:
        return _integer_rule(_ELEMENTS[element], room)
    if isinstance(data, LongString | LongStringRO):
        return lambda value: convert.to_text(value, room, None)
    if kind == ChannelType.CHAR and data.string_encoding:
        return lambda value: convert.to_text(value, room, data.string_encoding)
    if kind == ChannelType.CHAR:
        return lambda value: convert.to_bytes(value, room)
    if kind == ChannelType.STRING:
        return _string_rule(room, data.string_encoding or "latin-1")
    if kind == ChannelType.ENUM:
        # Read at each post: clients may rename states through .ZRST and the like.
        return lambda value: convert.to_state(value, data.enum_strings)
    return _number_rule(kind, room, finite)


def _string_rule(room: int, encoding: str) -> Coerce:
    if room == 1:
        return lambda value: convert.to_string(value, encoding)
    return lambda value: convert.to_strings(value, room, encoding)


def _number_rule(kind: int, room: int, finite: bool) -> Coerce:
    if kind in _INTEGERS:
        return _integer_rule(_INTEGERS[kind], room)
    dtype = _FLOATS[kind]
    if room > 1:
        return lambda value: convert.to_floats(value, room, dtype, finite)
    if finite or kind == ChannelType.FLOAT:
        most = _FLOAT32_MAX if kind == ChannelType.FLOAT else np.inf
        return lambda value: convert.bounded(convert.to_float(value), most, finite)
    return convert.to_float


def _integer_rule(info: IntInfo, room: int) -> Coerce:
    if room == 1:
        return lambda value: convert.to_int(value, info)
    return lambda value: convert.to_ints(value, room, info)


def _int64_rule(room: int) -> Coerce:
    if room == 1:
        return convert.to_int64
    return lambda value: convert.to_int64s(value, room)
