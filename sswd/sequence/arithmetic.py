"""The four operators of the command language, on numbers and on series."""

import math
import operator
from collections.abc import Callable
from typing import TypeGuard

import numpy as np

from sswd.sequence.binding import Value, described
from sswd.sequence.errors import GrammarError
from sswd.sequence.points import Points, Room

_LARGE_INT = 2**63
"""Integers from here become float64, so that arithmetic stays cheap."""

_NUMBERS = frozenset({int, float})

_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def is_number(value: Value) -> TypeGuard[float]:
    """Return whether a value is a number; True and False are not."""
    return type(value) in _NUMBERS


def combine(room: Room, sign: str, left: Value, right: Value) -> Value:
    """Return ``left sign right``; raise ``GrammarError`` where it means nothing.

    Numbers: ``+ - * /``. Series: ``series + series`` joins, ``series * n`` repeats.
    """
    if is_number(left) and is_number(right):
        return _calculated(sign, left, right)
    if isinstance(left, Points) and isinstance(right, Points) and sign == "+":
        room.check(left.count + right.count)
        left.extend(right)
        return left
    if sign == "*" and isinstance(left, Points) and is_number(right):
        return _repeated(room, left, right)
    if sign == "*" and isinstance(right, Points) and is_number(left):
        return _repeated(room, right, left)
    raise GrammarError(
        f"{described(left)} {sign} {described(right)} means nothing",
        "join series with +, write a single point as [5], repeat with * 3",
    )


def _calculated(sign: str, left: float, right: float) -> float:
    """Return the result for numbers, an integer only where Python gives one."""
    if sign == "/" and right == 0:
        raise GrammarError("division by 0", "divide by another number")
    result = _OPERATIONS[sign](left, right)
    if -_LARGE_INT < result < _LARGE_INT:
        return result
    if math.isinf(result):
        raise GrammarError(
            f"{left:.6g} {sign} {right:.6g} is too large for float64",
            "use smaller numbers",
        )
    return float(result)


def _repeated(room: Room, series: Points, times: float) -> Points:
    """Return the series ``times`` times over."""
    if not times >= 1 or times != int(times):  # nan is not either
        raise GrammarError(
            f"a series times {times:.6g}", "repeat a whole number of times, 1 or more"
        )
    room.check(series.count * float(times))
    # Without this, "[0]*1*1*1..." would copy thousands of times.
    if times == 1 or series.count == 0:
        return series
    return Points(np.tile(series.array(), int(times)))
