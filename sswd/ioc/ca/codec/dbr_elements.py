"""A PV's Python value as the elements of a DBR type, by EPICS base's rules. Pure.

Base's rules differ from caproto's where an operator sees it: a double read as a string
has PREC decimals, a char read as a string is its number.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsInt

import numpy as np
from numpy.typing import NDArray

from sswd.ioc.ca.codec import protocol

Buffer = bytes | memoryview
Array = NDArray[np.generic]

WIRE_DTYPES = tuple(
    np.dtype(code) for code in ("S40", ">i2", ">f4", ">u2", "u1", ">i4", ">f8")
)


class Source(NamedTuple):
    """What a conversion needs to know about the PV beside its value."""

    native: int
    encoding: str
    enum_strings: Sequence[str]
    precision: int
    text: bool
    """A long string: read as DBR_STRING it is its text, not its chars' numbers."""


def elements(value: object, source: Source, to: int) -> tuple[Buffer, int]:
    """(bytes of the elements in wire order, their number) of `value` as type `to`.

    Raises ValueError when a string is no number or an enum has no such state.
    """
    if to == protocol.STRING:
        strings = _strings(value, source)
        return b"".join(map(_string_cell, strings)), len(strings)
    if source.native == protocol.ENUM:
        value = _indices(value, source.enum_strings)
    elif isinstance(value, str):
        value = _from_text(value, source)
    elif isinstance(value, bytes | bytearray):
        value = np.frombuffer(value, np.uint8)
    elif source.native == protocol.STRING:
        value = [_number(text) for text in _as_texts(value, source.encoding)]
    return array_bytes(np.atleast_1d(np.asarray(value)), to)


def array_bytes(array: Array, to: int) -> tuple[Buffer, int]:
    """A numeric array as wire elements; a view of `array` where no byte changes.

    A view is only given of a read-only array: a writable one is copied, since its owner
    may go on writing while the bytes are still being sent.
    """
    if array.size == 0:
        return b"", 0
    target = WIRE_DTYPES[to]
    if array.dtype == target or (array.dtype.itemsize == target.itemsize == 1):
        ready = array if not array.flags.writeable else array.copy()
        ready = np.ascontiguousarray(ready)
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            ready = array.astype(target, order="C")
    return ready.reshape(-1).data.cast("B"), ready.size


def double_text(value: float, precision: int) -> str:
    """cvtDoubleToString of EPICS base: `precision` decimals, halves rounded up."""
    size = abs(value)
    if not size <= 1e7 or precision > 8:  # nan and inf included
        if precision > 8 or size > 1e16:
            digits = min(precision, 17)
            return f"{value:{digits + 7}.{digits}e}"
        return f"{value:.{min(precision, 3)}f}"
    scale = 10**precision
    whole = int(size)
    scaled = (size - whole) * scale
    part = int(scaled)
    if scaled - part >= 0.5:
        part += 1
    if part >= scale:
        whole, part = whole + 1, part - scale
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part:0{precision}d}" if precision else f"{sign}{whole}"


def cut_text(chars: bytes, size: int) -> bytes:
    """At most `size` bytes of UTF-8, cut between characters."""
    if len(chars) <= size:
        return chars
    while size and chars[size] & 0xC0 == 0x80:
        size -= 1
    return chars[:size]


def _string_cell(text: bytes) -> bytes:
    """40 bytes that end with a NUL, as every EPICS client expects."""
    return cut_text(text, protocol.STRING_SIZE - 1).ljust(protocol.STRING_SIZE, b"\0")


def _strings(value: Any, source: Source) -> list[bytes]:
    if source.native == protocol.ENUM:
        return [_state_text(v, source) for v in _as_list(value)]
    if source.text:
        return [encode_text(value, source.encoding)]
    if source.native == protocol.CHAR:
        if isinstance(value, str):
            value = encode_text(value, source.encoding)
        if isinstance(value, int | np.ndarray):  # of int8 they may be negative
            return [b"%d" % int(number) for number in _as_list(value)]
        return [b"%d" % char for char in bytes_of(value)]
    if source.native == protocol.STRING:
        return [
            text if isinstance(text, bytes) else encode_text(str(text), source.encoding)
            for text in _as_list(value)
        ]
    if source.native in (protocol.FLOAT, protocol.DOUBLE):
        return [
            double_text(float(number), source.precision).encode()
            for number in _as_list(value)
        ]
    return [b"%d" % int(number) for number in _as_list(value)]


def encode_text(text: str, encoding: str) -> bytes:
    """The bytes of a text; what the encoding cannot say becomes '?'."""
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode(encoding, "replace")


def bytes_of(value: object) -> bytes:
    """The chars of a CHAR PV's value: bytes, an array, a list or one number."""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    return np.atleast_1d(np.asarray(value)).astype(np.uint8).tobytes()


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, str | bytes):
        return [value]
    if isinstance(value, np.ndarray):
        return list(np.atleast_1d(value).tolist())
    try:
        return list(value)
    except TypeError:
        return [value]


def _as_texts(value: object, encoding: str) -> list[str]:
    return [
        v.decode(encoding, "replace") if isinstance(v, bytes) else str(v)
        for v in _as_list(value)
    ]


def _state_text(state: str | SupportsInt, source: Source) -> bytes:
    if isinstance(state, str):
        return encode_text(state, source.encoding)
    if 0 <= int(state) < len(source.enum_strings):
        return encode_text(source.enum_strings[int(state)], source.encoding)
    return b"Illegal Value"


def _indices(value: object, states: Sequence[str]) -> list[int]:
    """The numbers of enum states; a caproto enum holds either text or number."""
    found = []
    for state in _as_list(value):
        if not isinstance(state, str):
            found.append(int(state))
        elif state in states:
            found.append(states.index(state))
        else:
            raise ValueError(f"enum has no state {state!r}")
    return found


def _from_text(value: str, source: Source) -> Array | list[float]:
    if source.native == protocol.CHAR:
        return np.frombuffer(encode_text(value, source.encoding), np.uint8)
    return [_number(value)]


def _number(text: str) -> float:
    text = text.strip()
    if not text:
        return 0.0
    try:
        return float(int(text, 0))
    except ValueError:
        return float(text)
