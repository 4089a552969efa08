"""What values of one PV's table go together; pure. As rules.py, of which it is part."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import TypeGuard

from sswd.config.keys import PvConfig, Scalar
from sswd.config.keys.pv import FLOATS, INTEGERS, NUMBERS
from sswd.config.names import Problem, characters
from sswd.sizes import STRING_BYTES

# db_access.h: MAX_ENUM_STATES, MAX_ENUM_STRING_SIZE and MAX_STRING_SIZE less their NUL.
ENUM_STATES = 16
LENGTH = 2**28
ENUM_BYTES = 25
# DB_UNITS_SIZE less its NUL: what .EGU holds.
UNITS_BYTES = 15

RESTORED = 2**17
"""Elements of a PV that is saved: it is written whole, up to twice a second."""

# Keys that say nothing about a PV of another type.
_APPLIES = {
    "units": (*NUMBERS, "bytes"),
    "precision": FLOATS,
    "limits": NUMBERS,
    "strings": ("enum", "bool"),
    "length": (*NUMBERS, "str", "text", "bytes"),
    "shape": (*NUMBERS, "bytes"),
    "finite": FLOATS,
    **dict.fromkeys(
        (
            *("hihi", "high", "low", "lolo", "hysteresis", "hhsv", "hsv", "lsv"),
            *("llsv", "writable_limits", "mdel", "adel"),
        ),
        NUMBERS,
    ),
    "state_severity": ("enum", "bool"),
}
_ALARM_LIMITS = {"lolo": "llsv", "low": "lsv", "high": "hsv", "hihi": "hhsv"}
_WRITABLE_ONLY = ("pending", "timeout_s", "readback")
_NONE_GIVEN = (None, "fifo", False)


def pv(config: PvConfig) -> Iterator[Problem]:
    """What is wrong within one PV's table."""
    yield from _applicable(config)
    if len(config.units.encode()) > UNITS_BYTES:
        yield "units", f"longer than the {UNITS_BYTES} bytes that .EGU holds"
    if config.type == "bytes" and config.length is None and config.shape is None:
        yield "length", "missing: bytes need their capacity, e.g. length = 4194304"
    for alias in config.aliases:
        for _, text in characters(alias):
            yield "aliases", f"{alias!r}: {text}"
    yield from _strings(config)
    yield from _shape(config)
    yield from _limits(config)
    yield from _alarm_limits(config)
    yield from _state_severity(config)
    yield from _events(config)
    yield from _restore(config)
    yield from _value(config)


def _applicable(config: PvConfig) -> Iterator[Problem]:
    for key, types in _APPLIES.items():
        value = getattr(config, key)
        given = value is not None and value not in ("", (), {}, False)
        given = given or (key in _ALARM_LIMITS and value is not None)
        if given and config.type not in types:
            text = f"a PV of type {config.type} has none; it is for {', '.join(types)}"
            yield key, text
    for key in _WRITABLE_ONLY:
        if getattr(config, key) not in _NONE_GIVEN and not config.takes_puts:
            yield key, "only a writable PV has commands; add writable = true"
    if config.type == "action" and (config.readback or config.value is not None):
        yield "type", "an action reads back 0; it has neither value nor readback"


def _restore(config: PvConfig) -> Iterator[Problem]:
    if config.restore is False:
        return
    if config.type == "action":
        yield "restore", "an action has no value that could be kept"
    elif config.restore != "show" and not config.writable:
        text = 'only a writable PV has puts to run again; say restore = "show"'
        yield "restore", text
    if config.capacity > RESTORED:
        text = f"{config.capacity} elements; a PV of at most {RESTORED} can be kept"
        yield "restore", text


def _strings(config: PvConfig) -> Iterator[Problem]:
    strings = config.strings
    if config.type == "enum" and not strings:
        yield "strings", 'missing: an enum needs them, e.g. strings = ["off", "on"]'
    if config.type == "bool" and len(strings) not in (0, 2):
        yield "strings", f"a bool has two, not {len(strings)}; or take type = 'enum'"
    if config.type == "enum" and len(strings) > ENUM_STATES:
        yield "strings", f"{len(strings)} states; Channel Access knows {ENUM_STATES}"
    for string in strings:
        size = len(string.encode())
        if size > ENUM_BYTES:
            yield "strings", f"{string!r} has {size} bytes; at most {ENUM_BYTES} fit"
    for string, count in Counter(strings).items():
        if count > 1:
            yield "strings", f"{string!r} stands there {count} times"


def _shape(config: PvConfig) -> Iterator[Problem]:
    if config.shape is None:
        return
    size = config.shape[0] * config.shape[1]
    if size > LENGTH:
        yield "shape", f"{size} elements; an array has at most {LENGTH}"
    elif config.length is not None and config.length < size:
        text = f"{size} elements, and length is {config.length}; leave length out"
        yield "shape", text


def _limits(config: PvConfig) -> Iterator[Problem]:
    if config.limits is None:
        return
    low, high = config.limits
    if math.isnan(low) or math.isnan(high):
        yield "limits", "nan is no limit; inf and -inf mean none on that side"
    elif low >= high:
        yield "limits", f"low {low:g} is not below high {high:g}; write [low, high]"


def _alarm_limits(config: PvConfig) -> Iterator[Problem]:
    last = ""
    for limit, severity in _ALARM_LIMITS.items():
        value = getattr(config, limit)
        if value is None:
            if getattr(config, severity) is not None and not config.writable_limits:
                yield severity, f"it is the severity of {limit}, which is not given"
            continue
        if math.isnan(value):
            yield limit, "nan is no limit; leave it out"
        elif last and value < getattr(config, last):
            text = f"{value:g} is below {last} = {getattr(config, last):g}"
            yield limit, f"{text}; they rise from lolo to hihi"
        last = limit
    if config.is_array and (last or config.writable_limits):
        yield last or "writable_limits", "an array has no alarm limits"


def _state_severity(config: PvConfig) -> Iterator[Problem]:
    if config.type in ("enum", "bool"):
        for state in config.state_severity:
            if state not in config.states:
                known = ", ".join(config.states)
                yield "state_severity", f"{state!r} is no state; they are {known}"


def _events(config: PvConfig) -> Iterator[Problem]:
    for key in ("mdel", "adel"):
        value = getattr(config, key)
        if value is None:
            continue
        if config.is_array:
            yield key, "an array has no dead band"
        elif math.isnan(value):
            yield key, "nan is no dead band"
        elif config.always:
            yield key, "with always = true every post is an event; drop one of the two"


def _value(config: PvConfig) -> Iterator[Problem]:
    value = config.value
    if value is None:
        return
    if config.is_array or config.type == "bytes":
        if not isinstance(value, tuple):
            yield "value", f"an array needs a list, e.g. value = [{value!r}]"
            return
        if len(value) > config.capacity:
            yield "value", f"{len(value)} elements; length is {config.capacity}"
        elements: tuple[Scalar, ...] = value
    elif isinstance(value, tuple):
        yield "value", "a list, but the PV holds one value; give it a length"
        return
    else:
        elements = (value,)
    for element in elements:
        text = _element(config, element)
        if text is not None:
            yield "value", text
            return


def _element(config: PvConfig, value: Scalar) -> str | None:
    match config.type:
        case "bool":
            good = isinstance(value, bool) or value in config.states
            return None if good else f"{value!r} is neither true nor false"
        case "enum":
            return _state(config.strings, value)
        case "str":
            return _string(value, STRING_BYTES)
        case "text":
            return _string(value, config.capacity)
        case "bytes":
            good = _is_int(value) and 0 <= value <= 255
            return None if good else f"{value!r} is no byte (0 to 255)"
        case _:
            return _number(config, value)


def _is_int(value: Scalar) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _string(value: Scalar, room: int) -> str | None:
    if not isinstance(value, str):
        return f"{value!r} is no string; write it in quotes"
    size = len(value.encode())
    return None if size <= room else f"{size} bytes; {room} fit"


def _number(config: PvConfig, value: Scalar) -> str | None:
    if isinstance(value, str | bool):
        return f"{value!r} is no number"
    if config.type in INTEGERS:
        least, most = INTEGERS[config.type]
        if not (_is_int(value) and least <= value <= most):
            return f"{value!r} is no {config.type}, an integer from {least} to {most}"
    if config.finite and not math.isfinite(value):
        return f"{value!r} is not finite, and finite = true"
    if config.limits is not None:
        low, high = config.limits
        if value < low or value > high:
            return f"{value!r} is outside the limits [{low:g}, {high:g}]"
    return None


def _state(strings: tuple[str, ...], value: Scalar) -> str | None:
    if isinstance(value, str):
        return None if value in strings else f"{value!r} is none of {list(strings)}"
    if not _is_int(value) or not 0 <= value < len(strings):
        return f"{value!r} is no index of {list(strings)}"
    return None
