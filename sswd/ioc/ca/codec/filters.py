"""Channel filters, by EPICS base's rules: arr, dbnd, dec, sync, ts and utag."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import caproto

from sswd.ioc.ca.codec import json5, protocol

_ONLY_VALUES = protocol.DBE_VALUE | protocol.DBE_LOG


class BadFilter(ValueError):
    """What stands behind a channel's name is no filter."""


class ArrayFilter(NamedTuple):
    """The `arr` filter: start, increment, end (included; -1 is the last)."""

    s: int | None
    i: int | None
    e: int | None


class Filters(NamedTuple):
    """A channel's filters, None where it has not that one."""

    ts: bool = False
    dbnd: tuple[str, float] | None = None
    """(mode, size)"""
    arr: ArrayFilter | None = None
    sync: tuple[str, str] | None = None
    """(mode, state)"""
    dec: int | None = None
    """One event of so many passes."""
    utag: tuple[int, int] | None = None
    """(mask, value): events whose user tag has these bits pass."""
    gates: tuple[str, ...] = ()
    """dbnd, dec and utag in the order in which events go through them."""


NO_FILTERS = Filters()
_SYNC_MODES = frozenset(("before", "first", "last", "after", "while", "unless"))
_INT32 = (-(1 << 31), (1 << 31) - 1)
_UINT32_MASK = 0xFFFFFFFF
_RANGE = re.compile(r"\[([^\[\]]*)\]")


def parse_filters(text: str | None) -> Filters:
    """The filters behind a channel's name: `[s:i:e]`, JSON5, or one after the other.

    Raises BadFilter.
    """
    if not text:
        return NO_FILTERS
    try:
        return _parsed(text)
    except ValueError as error:
        raise BadFilter(f"bad channel filter {text!r}: {error}") from error


def _parsed(text: str) -> Filters:
    found: dict[str, Any] = {}
    match = _RANGE.match(text)
    if match:
        found["arr"] = _array_range(match[1])
        text = text[match.end() :]
        if not text:
            return Filters(**found)
    given = json5.parse(text)
    if not isinstance(given, dict):
        raise BadFilter("no filter is named")
    if len(given) == 1 and _SYNC_MODES & given.keys():
        given = {"sync": given}  # caproto's short form
    for name, options in given.items():
        if name not in _PARSERS:
            raise BadFilter(f"there is no filter {name!r}")
        if not isinstance(options, dict):
            raise BadFilter(f"{name} takes an object")
        found[name] = _PARSERS[name](options)
    gates = tuple(name for name in given if name in _GATES)
    return Filters(**found, gates=gates)


def _array_range(text: str) -> ArrayFilter:
    """`3`, `1:4` or `1:2:9`; a number that is missing has its default."""
    try:
        parts = [int(part) if part.strip() else None for part in text.split(":")]
    except ValueError:
        raise BadFilter(f"[{text}] is no range") from None
    if len(parts) > 3 or (len(parts) == 1 and parts[0] is None):
        raise BadFilter(f"[{text}] is no range")
    start, end = parts[0], parts[-1]
    return _array_filter(start, parts[1] if len(parts) == 3 else 1, end)


def _array_filter(start: int | None, step: int | None, end: int | None) -> ArrayFilter:
    if step is not None and step < 1:
        raise BadFilter("the step is below 1")
    return ArrayFilter(start, step, end)


Options = Mapping[str, json5.Json]


def _arr(options: Options) -> ArrayFilter:
    _known(options, "s", "i", "e")
    numbers = {key: _int32(value) for key, value in options.items()}
    return _array_filter(numbers.get("s"), numbers.get("i"), numbers.get("e"))


def _dbnd(options: Options) -> tuple[str, float]:
    """{d, m} or {abs} or {rel}; the last one given counts, as in EPICS base."""
    _known(options, "d", "m", "abs", "rel")
    mode, size = "abs", 0.0
    for key, value in options.items():
        if key == "m":
            if value not in ("abs", "rel"):
                raise BadFilter(f"a deadband is abs or rel, not {value!r}")
            mode = str(value)
        else:
            size = _double(value)
            mode = mode if key == "d" else key
    return mode, size


def _dec(options: Options) -> int:
    _known(options, "n")
    count = _int32(options.get("n"))
    if count < 1:
        raise BadFilter(f"one event of {count} cannot pass")
    return count


def _utag(options: Options) -> tuple[int, int]:
    _known(options, "M", "V")
    mask, value = options.get("M", _UINT32_MASK), options.get("V", 0)
    return _int32(mask, unsigned=True), _int32(value, unsigned=True)


def _sync(options: Options) -> tuple[str, str]:
    """{m, s} or {while: s} and the like."""
    given = dict(options)
    if len(given) == 1:
        [(mode, state)] = given.items()
    else:
        _known(given, "m", "s")
        mode, state = str(given.get("m")), given.get("s")
    if mode not in _SYNC_MODES or not isinstance(state, str) or not state:
        raise BadFilter("sync takes a mode and the name of a state")
    return mode, state


def _ts(options: Options) -> bool:
    """The time of the reading takes the place of the value's; it has no options."""
    _known(options)
    return True


_PARSERS: dict[str, Callable[[Options], object]] = {
    "arr": _arr,
    "dbnd": _dbnd,
    "dec": _dec,
    "sync": _sync,
    "ts": _ts,
    "utag": _utag,
}


def _known(options: Options, *names: str) -> None:
    for name in options:
        if name not in names:
            raise BadFilter(f"there is no option {name!r}")


def _int32(value: json5.Json, *, unsigned: bool = False) -> int:
    """A whole number, or text that is one."""
    if isinstance(value, str):
        value = int(value, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadFilter(f"{value!r} is no whole number")
    if not _INT32[0] <= value <= (_UINT32_MASK if unsigned else _INT32[1]):
        raise BadFilter(f"{value} has more than 32 bits")
    return value & _UINT32_MASK if unsigned else value


def _double(value: json5.Json) -> float:
    if isinstance(value, str):
        value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadFilter(f"{value!r} is no number")
    return float(value)


def apply_array_filter(arr: ArrayFilter | None, values: object) -> object:
    """The elements of `values` that the filter lets through."""
    return values if arr is None else caproto.apply_arr_filter(arr, values)


class Gate(Protocol):
    """What lets some events of a monitor through. One monitor's own."""

    def passes(self, value: object, flags: int) -> bool:
        """Whether an event of this kind (DBE_* flags) with this value is to be sent."""
        ...


def gates_of(filters: Filters) -> list[Gate]:
    """New gates of one monitor, in their order."""
    made: dict[str, Callable[[], Gate]] = {
        "dbnd": lambda: Deadband(*filters.dbnd or ("abs", 0.0)),
        "dec": lambda: Decimator(filters.dec or 1),
        "utag": lambda: TagFilter(*filters.utag or (0, 0)),
    }
    return [made[name]() for name in filters.gates]


_GATES = ("dbnd", "dec", "utag")


class Decimator:
    """Lets the first of every `count` events through."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._at = 0

    def passes(self, value: object, flags: int) -> bool:
        """As Gate says; events of every kind count."""
        del value, flags
        is_first = self._at == 0
        self._at = (self._at + 1) % self._count
        return is_first


class TagFilter:
    """Lets events through whose user tag, under a mask, is `value`, and the first one.

    The user tag of all events of sswd is 0.
    """

    def __init__(self, mask: int, value: int) -> None:
        self._is_open = 0 & mask == value
        self._is_first = True

    def passes(self, value: object, flags: int) -> bool:
        """As Gate says; events of properties always pass."""
        del value
        was_first, self._is_first = self._is_first, False
        return self._is_open or was_first or bool(flags & protocol.DBE_PROPERTY)


class Deadband:
    """Lets a value through when it has left the band around the last one let through.

    `abs`: the band is `size`; `rel`: `size` percent of the last value. Changes of alarm
    or properties always pass, values that are no single number as well.
    """

    def __init__(self, mode: str, size: float) -> None:
        self._relative = size if mode == "rel" else None
        self._band = 0.0 if mode == "rel" else size
        self._last = math.nan

    def passes(self, value: object, flags: int) -> bool:
        """Whether a change of this kind (DBE_* flags) to `value` is to be sent."""
        number = _number(value)
        if number is None:
            return True
        if not _differs(self._last, number, self._band):
            return bool(flags & ~_ONLY_VALUES)
        self._last = number
        if self._relative is not None:
            self._band = abs(number * self._relative / 100.0)
        return True


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _differs(old: float, new: float, band: float) -> bool:
    if math.isfinite(old) and math.isfinite(new):
        return abs(old - new) > band
    if math.isnan(old) and math.isnan(new):
        return band < 0
    return not (math.isinf(old) and math.isinf(new) and old == new) or band < 0
