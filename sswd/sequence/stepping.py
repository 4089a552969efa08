"""Which value a step goes to: the rules of stepping, without doing it.

A timing master counts; a server that takes part in a nested loop steps once every
``divider`` counts and starts again at its first value after its last. So one count
drives every loop: the innermost has divider 1, the next one the length of the first,
and so on.
"""

import math
from dataclasses import dataclass, field
from typing import SupportsFloat

import numpy as np
from numpy.typing import ArrayLike

from sswd.sequence.errors import StepError
from sswd.sequence.points import DEFAULT_LIMIT, Series
from sswd.sizes import COUNTER_MODULUS

MAX_COUNT = COUNTER_MODULUS - 1
"""The largest count: that of a 32-bit integer PV."""


def whole(value: SupportsFloat | str, name: str, lowest: int = 0) -> int:
    """Return a number from ``lowest`` to ``MAX_COUNT``, or raise ``StepError``."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise StepError(f"{name} {str(value)[:40]!a} is no number") from None
    if not math.isfinite(number) or number != int(number):
        raise StepError(f"{name} {number:g} is no whole number")
    if not lowest <= number <= MAX_COUNT:
        raise StepError(f"{name} {number:g} is not from {lowest} to {MAX_COUNT}")
    return int(number)


def index_for(count: int, divider: int, length: int) -> int:
    """Return the index of a trajectory of ``length`` values for a master's count.

    ``(count // divider) % length``. Raises ``StepError`` for a negative count, a
    divider below 1 or an empty trajectory.
    """
    count = whole(count, "index")
    divider = whole(divider, "DIVIDER", lowest=1)
    if length < 1:
        raise StepError("no trajectory is loaded; load one through CMD")
    return (count // divider) % length


@dataclass(frozen=True, slots=True)
class Step:
    """Where a step goes: the value, and its index (``None`` for the idle value)."""

    value: float
    index: int | None


@dataclass(slots=True)
class Stepper:
    """A trajectory and the rules by which it is stepped.

    ``values`` is float64 of shape (n,), read-only. ``return_value`` is where to go
    after an abort, nan for nowhere. Not thread-safe.
    """

    idle_value: float = 0.0
    divider: int = 1
    return_value: float = math.nan
    values: Series = field(default_factory=lambda: np.empty(0))

    def load(self, values: ArrayLike, limit: int = DEFAULT_LIMIT) -> Series:
        """Take over a copy of ``values``; raise ``StepError`` if they are no series."""
        try:
            series = np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as exc:
            raise StepError(f"these are no numbers: {exc}") from None
        if series.ndim != 1:
            raise StepError(f"a trajectory has 1 dimension, not {series.ndim}")
        if len(series) > limit:
            raise StepError(f"{len(series)} points; the limit is {limit}")
        series.flags.writeable = False
        self.values = series
        return series

    def unload(self) -> None:
        """Forget the trajectory."""
        self.values = np.empty(0)

    def step(self, count: int) -> Step:
        """Return where the master's ``count`` leads; idle if nothing is loaded."""
        if len(self.values) == 0:
            whole(count, "index")
            return Step(self.idle_value, None)
        index = index_for(count, self.divider, len(self.values))
        return Step(float(self.values[index]), index)

    def after_abort(self) -> float | None:
        """Return the value to go to after an abort, or ``None`` to stay."""
        return None if math.isnan(self.return_value) else self.return_value
