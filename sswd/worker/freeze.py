"""A posted value -> a value of our own that crosses the pipe: a snapshot.

The system may change its list or array right after `io_put`; and what cannot be sent
becomes an Unsendable, so that the IOC refuses, counts and tells it like any other.
"""

from typing import Any

import numpy as np

from sswd.pipe.codec import Unsendable, sendable
from sswd.sizes import NAME_CHARACTERS

_SCALARS = (float, bool, type(None))
_LONG_BYTES = 4096
MAX_TEXT = 1 << 18
"""Characters of a text, or of all texts in a list; longer ones are Unsendable."""
MAX_ARRAY = 1 << 30
"""Bytes of an array; larger ones are Unsendable."""


def freeze(value: Any) -> Any:
    """float, int, bool, str, bytes, None, list of str, numeric ndarray or Unsendable.

    Never raises. Arrays are copied; lists of numbers become float64, int64 or bool
    arrays; numpy scalars and 0-d arrays become Python scalars.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is str:
        return sendable(value) if len(value) <= MAX_TEXT else _too_long(len(value))
    try:
        return _freeze(value, kind)
    except Exception as ex:  # noqa: BLE001 (the value's own code: __str__, __int__)
        text = f"{kind.__name__} cannot be copied: {type(ex).__name__}"
        return Unsendable(sayable(text))


def sayable(text: str) -> str:
    """A name or words as they can be encoded: bytes of a file name that are no UTF-8
    are lone surrogates in Python, and would cost us the whole message."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def pv_name(pv: object) -> str:
    """The name of a PV as it can be sent: a longer one than any PV has is cut, so that
    the IOC refuses it and its words stay short (arguments may have been swapped)."""
    name = sayable(str(pv)[: NAME_CHARACTERS + 1])
    return name if len(name) <= NAME_CHARACTERS else f"{name[:NAME_CHARACTERS]}..."


def _freeze(value: Any, kind: type) -> Any:
    if kind is bytes:  # immutable: as an array it crosses the pipe without copies
        return np.frombuffer(value, np.uint8) if len(value) > _LONG_BYTES else value
    if kind is int or isinstance(value, int):
        number = int(value)
        return number if -(2**63) <= number < 2**63 else _too_large()
    if isinstance(value, np.ndarray):
        return _freeze_array(value)
    if isinstance(value, np.generic):
        return freeze(value.item()) if value.dtype.kind in "biufSU" else _no(value)
    if isinstance(value, (list, tuple)):
        return _freeze_list(value)
    if isinstance(value, (bytearray, memoryview)):
        return freeze(bytes(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return freeze(str.__str__(value))  # of an enum its value, not its name
    return bytes(value) if isinstance(value, bytes) else _no(value)


def _freeze_array(array: np.ndarray[Any, Any]) -> Any:
    if array.nbytes > MAX_ARRAY:
        return Unsendable(f"array of {array.nbytes} bytes, more than {MAX_ARRAY}")
    if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
        return freeze(array.item()) if array.ndim == 0 else array.copy()
    if array.dtype.kind in "SU":
        return _freeze_list(array.ravel().tolist())
    return Unsendable(f"array of dtype {array.dtype}")


def _freeze_list(values: list[Any] | tuple[Any, ...]) -> Any:
    if not values:
        return np.empty(0)
    if all(isinstance(v, (str, bytes)) for v in values):
        if sum(map(len, values)) + len(values) > MAX_TEXT:
            return _too_long(sum(map(len, values)))
        return [sendable(_text_of(v)) for v in values]
    try:
        array = np.array(values)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return Unsendable("ragged or mixed list")
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        return Unsendable("ragged or mixed list")
    return array


def _text_of(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return str(value, "latin-1")
    return str.__str__(value)


def _too_long(size: int) -> Unsendable:
    return Unsendable(f"text of {size} characters, too long for more than {MAX_TEXT}")


def _too_large() -> Unsendable:
    return Unsendable("integer outside 64 bits")


def _no(value: object) -> Unsendable:
    return Unsendable(f"object of type {type(value).__name__}")
