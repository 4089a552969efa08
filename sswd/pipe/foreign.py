"""Values of other libraries: what is inside of them, or why they cannot be posted.

They are known by what they can do, so that none of the libraries is imported here.

Threading model: pure functions; any thread. They may raise what the value raises.
"""

import array
import ctypes
import datetime as dt
import decimal
import enum
import numbers
import operator
import warnings
from math import isinf
from typing import Any

import numpy as np

_DATES = (dt.date, dt.time, dt.timedelta)
_EXACT = 2**53
"""From here on a float is not every whole number."""
_INT64 = 2**63
_SimpleCData: Any = ctypes.c_int.__mro__[1]
"""The base of c_int, c_double and the like."""


def refusal_of(value: Any) -> str:
    """Why a value with a meaning beyond its number cannot be posted; "" if it can."""
    kind = type(value).__name__
    if isinstance(value, _DATES):
        return f"object of type {kind}; post a number of seconds, or its isoformat()"
    if isinstance(value, enum.Enum):
        return f"object of type {kind}; post its .value or its .name"
    if isinstance(value, complex):
        return f"object of type {kind}; post its .real, its .imag or its abs()"
    units = getattr(value, "units", None) or getattr(value, "unit", None)
    is_quantity = units is not None and (
        hasattr(value, "magnitude") or isinstance(value, np.ndarray)
    )
    if is_quantity and not getattr(value, "unitless", False):
        # The PV has units of its own; a number in others would be a lie.
        return f"object of type {kind} with units; post its number in the PV's units"
    return ""


def number_of(value: Any) -> float | int | None:
    """The number that a value is; None where it is none.

    Raises OverflowError for a finite one beyond the range of a float.
    """
    if hasattr(value, "__array__") or isinstance(value, type):
        return None
    if isinstance(value, decimal.Decimal | numbers.Real):
        return _nearest(value)
    if hasattr(value, "__index__"):
        return operator.index(value)
    return None


def _nearest(value: Any) -> float | int:
    """As a float; as an int where that is too coarse and an int is not."""
    number = float(value)
    if isinf(number) and value != number:
        raise OverflowError("beyond the range of a 64-bit float")
    if _EXACT <= abs(number) < _INT64 and number != value == int(value):
        return int(value)
    return number


def unwrapped(value: Any) -> Any:
    """What is inside: of ctypes, array.array, and of what has an `__array__`.

    The value itself when it is none of these. Raises TypeError in words for what has
    an inside that cannot be posted.
    """
    if isinstance(value, _SimpleCData):
        return _of_ctypes(value)
    if isinstance(value, ctypes.Array):
        return _of_ctypes_array(value)
    if isinstance(value, array.array):
        return value.tounicode() if value.typecode == "u" else np.array(value)
    if getattr(value, "unitless", False) and hasattr(value, "magnitude"):
        return value.magnitude
    if hasattr(value, "__array__") and not isinstance(value, type):
        return _of_array(value)
    return value


def _of_array(value: Any) -> Any:
    """The array that it says it is, with its mask and units if that has any."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        inside = np.asanyarray(value)
    if any(each.category.__name__ == "UnitStrippedWarning" for each in told):
        raise TypeError("it has units; post its number in the PV's units")
    return inside


def _of_ctypes(value: Any) -> Any:
    if isinstance(value, ctypes.py_object | ctypes.c_void_p):
        raise TypeError("a pointer is no value")
    return value.value


def _of_ctypes_array(value: Any) -> Any:
    kind = value._type_
    if kind is ctypes.c_char:
        return bytes(value)
    if kind is ctypes.c_wchar:
        return value.value
    if getattr(kind, "_type_", None) is ctypes.c_char and hasattr(kind, "_length_"):
        return [each.value for each in value]  # texts, as C has them
    found = np.ctypeslib.as_array(value)
    if found.dtype.kind == "O":
        raise TypeError("its elements are pointers")
    return found
