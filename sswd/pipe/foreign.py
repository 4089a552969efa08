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
    if isinstance(value, decimal.Decimal):
        number = float(value)
        if isinf(number) and value.is_finite():
            raise OverflowError("beyond the range of a 64-bit float")
        return number
    if hasattr(value, "__array__") or isinstance(value, type):
        return None
    if isinstance(value, numbers.Real):
        return float(value)
    if hasattr(value, "__index__"):
        return operator.index(value)
    return None


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(value)
    return value


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
    found = np.ctypeslib.as_array(value)
    if found.dtype.kind == "O":
        raise TypeError("its elements are pointers")
    return found
