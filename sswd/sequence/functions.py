"""The functions of the command language: numbers in, a trajectory out.

Each asks the ``Room`` before it allocates, and says in words what it refuses. All
series are one-dimensional float64 arrays in the units of the system. Nothing is
rounded unless ``round`` is asked for.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

import numpy as np

from sswd.sequence.errors import GrammarError
from sswd.sequence.points import Point, Room, Series
from sswd.sequence.verbs import VerbSignature, signature_of

CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e, "nan": math.nan}
"""Names that are numbers. There is no infinity: no system can move there."""

LITERALS: dict[str, bool | None] = {"True": True, "False": False, "None": None}
"""Names that are values, for arguments only."""

_ON_GRID = 1e-6
"""Part of a step by which rounding may miss a grid point that was meant."""

_LOG_MISS = 1e-3
"""Decades by which a last point may pass ``end`` and still be it: end=0.562 means
10**-0.25. One percent below, likewise. Both as in the beamline program."""

_MOST_DIGITS = 30


def linear(room: Room, start: float, end: float, step: float = 1.0) -> Series:
    """Equal steps from start, end excluded, exactly as numpy.arange."""
    _towards(start, end, step)
    room.check((end - start) / step)
    return np.arange(start, end, step, dtype=np.float64)


def lin_series(room: Room, start: float, end: float, step: float) -> Series:
    """Equal steps from start, end included if a step falls on it."""
    _towards(start, end, step)
    steps = (end - start) / step
    room.check(steps)
    count = math.floor(steps + _ON_GRID)
    series = start + step * np.arange(count + 1, dtype=np.float64)
    if abs(steps - count) <= _ON_GRID:
        series[-1] = end
    return series


def linspace(room: Room, start: float, end: float, n: int) -> Series:
    """n points at equal distances, both ends included."""
    _counted(room, n)
    return np.linspace(start, end, n, dtype=np.float64)


def log_series(
    room: Room, start: float, end: float, steps_per_decade: float = 4
) -> Series:
    """Equal ratios from start, steps_per_decade to a factor of 10, then end."""
    _positive("start", start)
    _positive("end", end)
    _positive("steps_per_decade", steps_per_decade)
    decades = math.log10(end) - math.log10(start)
    steps = abs(decades) * steps_per_decade
    room.check(steps)
    near = min(_LOG_MISS * steps_per_decade, 0.25)
    count = math.floor(steps + near)
    exponents = np.arange(count + 1, dtype=np.float64) / steps_per_decade
    series = start * 10.0 ** np.copysign(exponents, decades)
    if steps - count <= min(math.log10(1.01) * steps_per_decade, 0.25):
        series[-1] = end
        return series
    return np.append(series, end)


def geomspace(room: Room, start: float, end: float, n: int) -> Series:
    """n points at equal ratios, both ends included."""
    _counted(room, n)
    if start == 0 or end == 0 or (start < 0) != (end < 0):
        raise GrammarError(
            f"geomspace cannot go from {start:g} to {end:g}",
            "start and end must have the same sign and not be 0",
        )
    exponents = np.linspace(math.log10(abs(start)), math.log10(abs(end)), n)
    series = np.copysign(10.0**exponents, start)
    series[-1] = end
    series[0] = start
    return series


def ramp(  # noqa: PLR0913, PLR0917 - its arguments are the language's
    room: Room,
    low: float,
    high: float,
    step: float,
    hold_low: int = 0,
    hold_high: int = 0,
    repeat: int = 1,
) -> Series:
    """From low to high and back to low; hold_... adds points there, low ones before."""
    if step == 0:
        raise GrammarError("the step is 0", "give another step")
    for name, hold in (("hold_low", hold_low), ("hold_high", hold_high)):
        if hold < 0:
            raise GrammarError(f"{name} is {hold}", "it must be 0 or more")
    _repeated(repeat)
    step = math.copysign(step, high - low)
    steps = (high - low) / step
    room.check((2.0 * steps + 1 + hold_low + hold_high) * repeat)
    rise = low + step * np.arange(math.ceil(steps - _ON_GRID), dtype=np.float64)
    once = np.concatenate(
        [np.full(hold_low, low), rise, np.full(hold_high + 1, high), rise[::-1]]
    )
    return np.tile(once, repeat)


def power(
    room: Room,
    T0: float,  # noqa: N803 - the name beamline scripts use
    n_per_decade: float,
    n_power: int,
    reverse: bool = False,
) -> Series:
    """n_power points falling from T0, n_per_decade to a factor of 10, or reversed."""
    _counted(room, n_power, "n_power")
    _positive("n_per_decade", n_per_decade)
    series = T0 * 10.0 ** (-np.arange(n_power, dtype=np.float64) / n_per_decade)
    return series[::-1] if reverse else series


def pairs(room: Room, t0: Point, series: Series) -> Series:
    """t0 before every point of series."""
    room.check(2.0 * len(series))
    return np.ravel(np.column_stack([np.full(len(series), t0), series]))


def interleave(room: Room, a: Point | Series, b: Point | Series) -> Series:
    """a and b in turn, a first; a single number goes between the other's points."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        first, second = a, b
    elif isinstance(a, np.ndarray):
        first, second = a, np.full(max(len(a) - 1, 0), b)
    elif isinstance(b, np.ndarray):
        first, second = b, np.full(max(len(b) - 1, 0), a)
    else:
        first, second = np.array([a]), np.array([b])
    if len(first) - len(second) not in (0, 1):
        raise GrammarError(
            f"interleave got {len(first)} and {len(second)} points",
            "a must have as many points as b, or one more",
        )
    room.check(len(first) + len(second))
    series = np.empty(len(first) + len(second), dtype=np.float64)
    series[0::2] = first
    series[1::2] = second
    return series


def repeat(room: Room, series: Series, n: int) -> Series:
    """Series n times over."""
    _repeated(n)
    room.check(float(len(series)) * n)
    return np.tile(series, n)


def reverse(room: Room, series: Series) -> Series:
    """Series from its last point to its first."""
    room.check(len(series))
    return series[::-1]


def round_(room: Room, series: Series, digits: int = 0) -> Series:
    """Series rounded to digits after the decimal point, halves to even."""
    room.check(len(series))
    if abs(digits) > _MOST_DIGITS:
        raise GrammarError(
            f"round to {digits} digits",
            f"digits go from -{_MOST_DIGITS} to {_MOST_DIGITS}",
        )
    rounded = np.round(series, digits)
    # A number too large to be scaled has no digits there to round.
    return np.where(np.isfinite(rounded), rounded, series)


def _towards(start: float, end: float, step: float) -> None:
    """Refuse a step that never arrives; numpy would answer with nothing, silently."""
    if step == 0:
        raise GrammarError("the step is 0", "give another step")
    if (end - start) * math.copysign(1.0, step) < 0:
        raise GrammarError(
            f"step {step:g} leads away from end {end:g}", f"use step {-step:g}"
        )


def _counted(room: Room, n: int, name: str = "n") -> None:
    """Check a number of points that the command gives outright."""
    if n < 1:
        raise GrammarError(f"{name} is {n}", "it must be 1 or more")
    room.check(n)


def _repeated(n: int) -> None:
    if n < 1:
        raise GrammarError(f"repeat {n} times", "it must be 1 or more")


def _positive(name: str, number: float) -> None:
    if number <= 0:
        raise GrammarError(f"{name} is {number:g}", "it must be more than 0")


class Function(NamedTuple):
    """A function of the language: what it takes, and how it is computed."""

    signature: VerbSignature
    compute: Callable[..., Series]

    def call(self, room: Room, arguments: Mapping[str, object]) -> Series:
        """Return the points; raise ``GrammarError`` also where numbers overflow."""
        with np.errstate(all="ignore"):
            series = self.compute(room, **arguments)
        finite = np.isfinite(series)
        if finite.all():
            return series
        # nan may only come from a nan that was given, as "no value here".
        given_nan = any(_has_nan(argument) for argument in arguments.values())
        if given_nan and not np.isinf(series).any():
            return series
        raise GrammarError(
            f"{self.signature.name} makes numbers too large for float64",
            "use smaller numbers",
        )


def _has_nan(argument: object) -> bool:
    if isinstance(argument, np.ndarray):
        return bool(np.isnan(cast("Series", argument)).any())
    return isinstance(argument, float) and math.isnan(argument)


_COMPUTED: dict[str, Callable[..., Series]] = {
    "linear": linear,
    "lin_series": lin_series,
    "linspace": linspace,
    "log_series": log_series,
    "geomspace": geomspace,
    "ramp": ramp,
    "power": power,
    "pairs": pairs,
    "interleave": interleave,
    "repeat": repeat,
    "reverse": reverse,
    "round": round_,
}

FUNCTIONS: dict[str, Function] = {
    name: Function(signature_of(compute, name=name, skip=1), compute)
    for name, compute in _COMPUTED.items()
}
"""Every function of the language by the name it has there."""

RESERVED = frozenset({*FUNCTIONS, *CONSTANTS, *LITERALS})
"""Names that a verb cannot have."""
