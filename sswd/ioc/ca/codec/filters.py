"""Channel filters: caproto's parser, and the deadband by EPICS base's rules."""

import math
from typing import Any, NamedTuple

import caproto

from sswd.ioc.ca.codec import protocol


class ArrayFilter(NamedTuple):
    """caproto's `arr` filter: start, increment, end (included; -1 is the last)."""

    s: int | None
    i: int | None
    e: int | None


class Filters(NamedTuple):
    """A channel's filters. `dbnd` is (mode, size), `sync` is (mode, state)."""

    ts: bool
    dbnd: tuple[str, float] | None
    arr: ArrayFilter | None
    sync: tuple[str, str] | None


_PARSER_RAISES = (
    # What caproto's parser was seen to raise when fed with nonsense.
    caproto.CaprotoError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    NameError,
    OverflowError,
    RecursionError,
)

NO_FILTERS = Filters(ts=False, dbnd=None, arr=None, sync=None)


def parse_filters(text: str | None) -> Filters:
    """Raises ValueError for a filter that is no filter."""
    if not text:
        return NO_FILTERS
    try:
        parsed = caproto.parse_channel_filter(text)
    except _PARSER_RAISES as error:
        raise ValueError(f"bad channel filter {text!r}: {error}") from error
    if parsed.arr and parsed.arr.i is not None and parsed.arr.i < 1:
        raise ValueError(f"bad channel filter {text!r}: the step is below 1")
    arr = parsed.arr and ArrayFilter(*parsed.arr)
    sync = parsed.sync and (parsed.sync.m, parsed.sync.s)
    dbnd = parsed.dbnd and (str(parsed.dbnd.m), float(parsed.dbnd.d))
    return Filters(ts=bool(parsed.ts), dbnd=dbnd or None, arr=arr or None, sync=sync)


def apply_array_filter(arr: ArrayFilter | None, values: object) -> object:
    """The elements of `values` that the filter lets through."""
    return values if arr is None else caproto.apply_arr_filter(arr, values)


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
            return bool(flags & ~(protocol.DBE_VALUE | protocol.DBE_LOG))
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
