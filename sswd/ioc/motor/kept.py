"""What clients have set of a motor, and the IOC alone knows: for its next start. Pure.

As autosave keeps of motor records: offset, direction and soft limits. Each is saved
with what it stands for, and comes back while that is the same: who edits the
configuration, or gives the object other limits, means it.
"""

import math
from collections.abc import Mapping
from typing import TypeGuard

from sswd.config.keys.motor import MotorConfig
from sswd.ioc.motor.limits import set_dial_limits
from sswd.ioc.motor.record import MotorRecord
from sswd.ioc.motor.setup import fields_from

FLAGS = frozenset(("DIR", "FOFF"))
OWN = ("DIR", "FOFF", "OFF")
"""Fields that the configuration gives first, if anything does."""
LIMITS = ("DLLM", "DHLM")
FIELDS = (*OWN, *LIMITS)


class Kept:
    """The fields of one motor that are kept."""

    def __init__(self, config: MotorConfig, record: MotorRecord) -> None:
        self._first = fields_from(config)
        self._record = record

    def value(self, field: str) -> list[float] | None:
        """What is saved of a field: its value, what that stands for, and of a limit 1.0
        if the object said that, 0.0 if it did not. None: nobody has set it."""
        fields = self._record.fields
        now = float(getattr(fields, field))
        if field in OWN:
            given = float(getattr(self._first, field))
            return None if now == given else [now, given]
        told = self._record.told_limits
        limits = told or (self._first.DLLM, self._first.DHLM)
        if limits == (fields.DLLM, fields.DHLM):
            return None
        return [now, limits[LIMITS.index(field)], float(told is not None)]

    def restore(self, found: Mapping[str, object]) -> tuple[list[str], list[str]]:
        """Take what was saved, by field. (fields that have it back, fields that have
        not, because the configuration says something else now)."""
        back: list[str] = []
        left: list[str] = []
        for field in OWN:
            saved = found.get(field)
            if _are_numbers(saved, 2):
                (back if self._take(field, *saved) else left).append(field)
        low, high = (found.get(field) for field in LIMITS)
        if _are_numbers(low, 3) and _are_numbers(high, 3):
            (back if self._take_limits(low, high) else left).extend(LIMITS)
        fields = self._record.fields
        fields.VAL = fields.LVAL = fields.to_user(fields.DVAL)
        self._record.redirected()
        return back, left

    def _take(self, field: str, value: float, given: float) -> bool:
        if given != float(getattr(self._first, field)):
            return False
        set_to = int(value != 0) if field in FLAGS else value
        setattr(self._record.fields, field, set_to)
        return True

    def _take_limits(self, low: list[float], high: list[float]) -> bool:
        given = (low[1], high[1])
        if low[2]:
            if not self._record.follows_limits:
                return False
            self._record.told_limits = given  # others that the object tells win
        elif given != (self._first.DLLM, self._first.DHLM):
            return False
        set_dial_limits(self._record.fields, low[0], high[0])
        return True


def _are_numbers(saved: object, count: int) -> TypeGuard[list[float]]:
    if not isinstance(saved, list) or len(saved) != count:
        return False
    return all(isinstance(each, int | float) and math.isfinite(each) for each in saved)
