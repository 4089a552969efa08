"""Any value that a driver may post -> one of ours: plain, copied, ready for the pipe.

Ours are float, int, bool, str, bytes, None, list of str, and numpy arrays of numbers.
All else becomes one of these when nothing is lost or made up by that, and otherwise an
Unsendable whose words name the type. docs/reference/pvs.md has the table.

Threading model: pure functions; any thread.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sswd.pipe.codec import Unsendable, sendable
from sswd.pipe.foreign import number_of, refusal_of, unwrapped
from sswd.pipe.protocol import MAX_ARRAY, MAX_TEXTS

Array = npt.NDArray[Any]

SCALARS = (float, bool, type(None))
"""Types of which every value is one of ours as it is."""
_NUMBERS = {float, int, bool, *(np.dtype(code).type for code in "?bBhHiIlLqQefd")}
_LONG_BYTES = 4096
_DEPTH = 16
"""Lists within lists, and wrappers within wrappers, up to here."""
_WORDS = 200
MAX_TEXT = 1 << 18
"""Characters of a text, or of all texts in a list; longer ones are Unsendable."""


class Refused(Exception):
    """Why a value is none of ours."""


def plain(value: Any) -> Any:
    """float, int, bool, str, bytes, None, list of str, numeric ndarray or Unsendable.

    Never raises. Arrays are copied and keep their shape; lists of numbers become
    float64, int64 or bool arrays; numpy scalars and 0-d arrays become Python scalars.
    """
    kind = type(value)
    if kind in SCALARS or (kind is int and -(2**63) <= value < 2**63):
        return value
    if kind is str:
        return sendable(value) if len(value) <= MAX_TEXT else Unsendable(_long(value))
    try:
        return _plain(value, kind, 0)
    except Refused as refused:
        words = str(refused)
    except RecursionError:
        words = f"a {kind.__name__} that is nested too deeply"
    except Exception as ex:  # noqa: BLE001 (the value's own code: __str__, __array__)
        words = f"{kind.__name__} cannot be copied: {_error(ex)}"
    return Unsendable(sayable(words))


def plain_array(array: Array) -> Array | Unsendable:
    """An array with a dtype that is sent and nothing masked; itself when it is that.

    Never raises. It is not copied where it need not be.
    """
    dtype = array.dtype
    if type(array) is np.ndarray and dtype.kind in "biuf" and dtype.itemsize <= 8:
        return array
    try:
        return _numeric(array)
    except Exception as ex:  # noqa: BLE001 (a subclass's own code)
        return Unsendable(sayable(str(ex)[:_WORDS]))


def sayable(text: str) -> str:
    """A name or words as they can be encoded: bytes of a file name that are no UTF-8
    are lone surrogates in Python, and would cost us the whole message."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def _error(ex: Exception) -> str:
    """The words of a driver's exception, which may raise as well."""
    try:
        words = str(ex)
    except Exception:  # noqa: BLE001
        words = ""
    name = type(ex).__name__
    return f"{name}: {words[:_WORDS]}" if words else name


# -- one value


def _plain(value: Any, kind: type, depth: int) -> Any:
    if depth > _DEPTH:
        raise RecursionError
    if kind in SCALARS:
        return value
    if isinstance(value, np.ndarray):
        return _plain_array(value, depth)
    if isinstance(value, np.generic):
        return _numpy_scalar(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return _text(str.__str__(value))  # of an enum its value, not its name
    if isinstance(value, bytes | bytearray | memoryview):
        return _chars(value)
    if isinstance(value, list | tuple | range):
        return _plain_list(list(value), depth)
    return _foreign(value, kind, depth)


def _foreign(value: Any, kind: type, depth: int) -> Any:
    """A value of ctypes, array, decimal and of libraries that we do not know."""
    words = refusal_of(value)
    if words:
        raise Refused(words)
    number = number_of(value)
    if isinstance(number, float):
        return number
    if number is not None:
        return _integer(number)
    inside = unwrapped(value)
    if inside is value:
        raise Refused(f"object of type {kind.__name__}")
    return _plain(inside, type(inside), depth + 1)


def _integer(value: int) -> int:
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise Refused("integer outside 64 bits")
    return number


def _text(text: str) -> Any:
    if len(text) > MAX_TEXT:
        raise Refused(_long(text))
    return sendable(text)


def _chars(value: bytes | bytearray | memoryview) -> Any:
    """Chars as bytes; a memoryview of numbers as what its format says."""
    if isinstance(value, memoryview) and value.format.lstrip("<>=@!") not in "Bc":
        try:
            array = np.asarray(value)
        except (ValueError, RuntimeError):
            raise Refused(f"memoryview of format {value.format!r}") from None
        return _plain_array(array, 0)
    chars = bytes(value)
    # Immutable: as an array it crosses the pipe without copies.
    return np.frombuffer(chars, np.uint8) if len(chars) > _LONG_BYTES else chars


def _numpy_scalar(value: "np.generic[Any]") -> Any:
    if value.dtype.kind not in "biufSU":
        raise Refused(f"numpy scalar of type {value.dtype}")
    if value.dtype.kind == "f" and value.dtype.itemsize > 8:
        # item() of a longdouble is the longdouble itself.
        number = float(value)
        if math.isinf(number) and np.isfinite(value):
            kind = type(value).__name__
            raise Refused(f"{kind} beyond the range of a 64-bit float")
        return number
    inside = value.item()
    return _plain(inside, type(inside), 0)


# -- arrays


def _plain_array(array: Array, depth: int) -> Any:
    if array.nbytes > MAX_ARRAY:
        raise Refused(f"array of {array.nbytes} bytes, more than {MAX_ARRAY}")
    if array.dtype.kind in "SU" and not _is_masked(array):
        return _plain_list(array.ravel().tolist(), depth)
    if array.dtype.kind == "O" and not _is_masked(array):
        if array.ndim == 0:
            inside = array.item()
            return _plain(inside, type(inside), depth + 1)
        return _plain_list(array.tolist(), depth)
    numeric = _numeric(array)
    if numeric.ndim == 0:
        return _plain(numeric.item(), type(numeric.item()), depth + 1)
    return numeric.copy() if numeric is array else np.array(numeric)


def _numeric(array: Array) -> Array:
    """A plain ndarray of a dtype that is sent. Raises Refused."""
    words = refusal_of(array)
    if words:
        raise Refused(words)
    dtype = array.dtype
    bare = _filled(array) if _is_masked(array) else np.asarray(array)
    if dtype.kind not in "biuf":
        raise Refused(f"array of dtype {dtype}"[:_WORDS])
    if dtype.kind != "f" or dtype.itemsize <= 8:
        return bare
    with np.errstate(over="ignore"):
        doubles = bare.astype(np.float64)
    if (np.isinf(doubles) & np.isfinite(bare)).any():
        raise Refused(f"array of {dtype} with values beyond a 64-bit float")
    return doubles


def _is_masked(array: Array) -> bool:
    """Whether elements are masked, by numpy's masks or those of another library."""
    if type(array) is np.ndarray or array.dtype.kind == "V":  # rows of a table
        return False
    return bool(np.any(getattr(array, "mask", False)))


def _filled(array: Array) -> Array:
    """NaN where a float is masked. Nothing else says "unknown", so that is refused."""
    mask: Any = getattr(array, "mask", False)
    bare = np.asarray(array)
    if array.dtype.kind == "f":
        filled = bare.copy()
        filled[mask] = math.nan
        return filled
    masked = int(np.count_nonzero(mask))
    raise Refused(
        f"masked array of {array.dtype} with {masked} masked elements; "
        "fill them, or post floats"
    )


# -- lists


def _plain_list(values: list[Any], depth: int) -> Any:
    if depth > _DEPTH:
        raise RecursionError
    if not values:
        return np.empty(0)
    if all(isinstance(v, str | bytes) for v in values):
        return _texts(values)
    array = _quick(values) if type(values[0]) in _NUMBERS else None
    if array is not None:
        return array
    return _stacked([_plain(v, type(v), depth + 1) for v in values], values)


def _quick(values: list[Any]) -> Array | None:
    """A flat list of numbers as an array; None where each must be looked at: numpy
    would take the number out of what has a unit, or is masked."""
    if not _NUMBERS.issuperset(map(type, values)):
        return None
    try:
        array = np.array(values)
    except Exception:  # noqa: BLE001 (an element's own code)
        return None
    is_flat = array.ndim == 1 and array.dtype.kind in "biuf"
    return array if is_flat and array.dtype.itemsize <= 8 else None


def _texts(values: list[Any]) -> list[Any]:
    size = sum(map(len, values))
    if len(values) > MAX_TEXTS:
        raise Refused(f"list of {len(values)} texts, {MAX_TEXTS} are the most")
    if size + len(values) > MAX_TEXT:
        raise Refused(_too_long(size))
    return [
        sendable(str(v, "latin-1") if isinstance(v, bytes) else str.__str__(v))
        for v in values
    ]


def _stacked(elements: list[Any], given: list[Any]) -> Array:
    """Elements that are ours already as one array."""
    for element, original in zip(elements, given, strict=True):
        if not isinstance(element, float | int | np.ndarray):
            kind = type(original).__name__
            raise Refused(f"ragged or mixed list; one element is a {kind}")
    shapes = {np.shape(element) for element in elements}
    if len(shapes) > 1:
        raise Refused("ragged or mixed list; its elements have different shapes")
    return np.array(elements)


def _long(text: str) -> str:
    return _too_long(len(text))


def _too_long(size: int) -> str:
    return f"text of {size} characters, too long for more than {MAX_TEXT}"
