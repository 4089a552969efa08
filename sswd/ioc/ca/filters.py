"""The deadband filter `{"dbnd": ...}` of a channel, by EPICS base's rules. Pure."""

import math
from typing import Any

from sswd.ioc.ca import wire


class Deadband:
    """Lets a value through when it has left the band around the last one let through.

    `abs`: the band is `size`; `rel`: `size` percent of the last value. Changes of alarm
    or properties always pass, values that are no single number as well.
    """

    def __init__(self, mode: str, size: float) -> None:
        self._relative = size if mode == "rel" else None
        self._band = 0.0 if mode == "rel" else size
        self._last = math.nan

    def passes(self, value: Any, flags: int) -> bool:
        """Whether a change of this kind (DBE_* flags) to `value` is to be sent."""
        number = _number(value)
        if number is None:
            return True
        if not _differs(self._last, number, self._band):
            return bool(flags & ~(wire.DBE_VALUE | wire.DBE_LOG))
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
