"""The payload of a reply or event: metadata, elements, zero padding.

Scalars and arrays of a PV's own type take short ways; the rest goes through `convert`
and, for graphic and control metadata, through caproto's DBR structures.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple, SupportsBytes, cast

import numpy as np

from sswd.ioc.ca.caproto_private.data import (
    Data,
    Elements,
    Stamp,
    acknowledge_numbers,
    alarm_numbers,
    class_name_bytes,
    graphic_bytes,
    long_string_length,
    raw,
    stamp_bytes,
)
from sswd.ioc.ca.codec import dbr_elements, protocol
from sswd.ioc.ca.codec.filters import ArrayFilter, apply_array_filter

BIG = 32 << 10
"""Payloads of this size and more are never joined or copied."""

FREE_ZEROS = 16 << 10

PLAIN_SCALARS = {
    dtype: struct.Struct(form)
    for dtype, form in (
        (protocol.SHORT, "!h6x"),
        (protocol.FLOAT, "!f4x"),
        (protocol.LONG, "!i4x"),
        (protocol.DOUBLE, "!d"),
    )
}
TIME_SCALARS = {
    protocol.TIME + dtype: struct.Struct(form)
    for dtype, form in (
        (protocol.SHORT, "!HHII2xh"),
        (protocol.FLOAT, "!HHIIf"),
        (protocol.LONG, "!HHIIi"),
        (protocol.DOUBLE, "!HHII4xd"),
    )
}
# Their pad makes the cell end with the NUL that every client expects.
PLAIN_TEXT = struct.Struct("39sx")
TIME_TEXT = struct.Struct("!HHII39sx4x")
ASCII_LIKE = frozenset(("latin-1", "utf-8", "ascii"))
_STATUS = struct.Struct("!HH").pack
_ACKNOWLEDGE = struct.Struct("!HHHH").pack


Buffer = dbr_elements.Buffer


class Payload(NamedTuple):
    """What follows a header. `body` is bytes below BIG, else the buffers to send."""

    size: int
    elements: int
    body: bytes | list[Buffer]
    lent: bool
    """The buffers are those of the PV's own array (see Flusher.keep_copies)."""

    def joined(self) -> bytes:
        """All of the body in one."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


_new_payload = tuple.__new__  # a third of the time that the named tuple's own takes


Key = tuple[int, int, bool, ArrayFilter | None]
"""What a client asked for: DBR type, count, long string, array filter."""

TextOrTexts = str | bytes | Sequence[str | bytes]
"""What a PV of type STRING holds."""


def scalar(
    data: Data, native: int, dtype: int, stamp: Stamp | None = None
) -> Payload | None:
    """The payload of a plain number, or short plain text, as its own type, with or
    without time; else None.

    What nearly every get and event asks for: one pack, no conversion.
    """
    if dtype % 7 != native:
        return None
    store = raw(data)
    value = store["value"]
    if type(value) is str and native == protocol.STRING:
        return _short_text(data, value, dtype, stamp)
    if type(value) is not float and type(value) is not int:
        return None
    try:
        if dtype in PLAIN_SCALARS:
            form = PLAIN_SCALARS[dtype]
            body = form.pack(value)
        elif dtype in TIME_SCALARS:
            form = TIME_SCALARS[dtype]
            when = store["timestamp"] if stamp is None else stamp
            body = form.pack(
                *alarm_numbers(data), when.secondsSinceEpoch, when.nanoSeconds, value
            )
        else:
            return None
    except (struct.error, OverflowError):
        return None  # out of the type's range: the long way wraps it, as C does
    return _new_payload(Payload, (form.size, 1, body, False))


def _short_text(
    data: Data, value: str, dtype: int, stamp: Stamp | None
) -> Payload | None:
    """As `scalar`: ASCII text of a STRING that fits into its cell."""
    fits = len(value) < protocol.STRING_SIZE and value.isascii()
    if not fits or data.string_encoding not in ASCII_LIKE:
        return None
    if dtype == protocol.STRING:
        return Payload(PLAIN_TEXT.size, 1, PLAIN_TEXT.pack(value.encode()), lent=False)
    if dtype != protocol.TIME:
        return None
    when = raw(data)["timestamp"] if stamp is None else stamp
    body = TIME_TEXT.pack(
        *alarm_numbers(data),
        when.secondsSinceEpoch,
        when.nanoSeconds,
        value.encode(),
    )
    return Payload(TIME_TEXT.size, 1, body, lent=False)


def encode(
    data: Data, source: dbr_elements.Source, key: Key, stamp: Stamp | None = None
) -> Payload:
    """The payload of `data` as `key` asks; `stamp` replaces the value's time stamp.

    Raises ValueError (caproto's errors included) when the value has no such form.
    """
    dtype, want = key[:2]
    if dtype in (protocol.PUT_ACKT, protocol.PUT_ACKS):
        raise ValueError("a type for puts only")
    to = protocol.native(dtype)
    if dtype == protocol.CLASS_NAME:
        body: dbr_elements.Buffer = class_name_bytes(data).ljust(
            protocol.STRING_SIZE, b"\0"
        )
        count, want = 1, want or data.max_length
    else:
        try:
            body, count = _elements(data, source, key, to)
        except OverflowError as error:  # an int that no number of C holds
            raise ValueError(str(error)) from error
    metadata = _metadata(data, dtype, stamp)
    return _finish(metadata, body, count, to, want, data.max_length)


def _elements(
    data: Data, source: dbr_elements.Source, key: Key, to: int
) -> tuple[dbr_elements.Buffer, int]:
    _, want, long_string, arr = key
    value = raw(data)["value"]
    if long_string and source.native == protocol.STRING and to == protocol.CHAR:
        return _chars_of_string(cast("TextOrTexts", value), source, want, data)
    if arr is not None and isinstance(value, list | tuple | np.ndarray | bytes):
        value = apply_array_filter(arr, value)
    if want and isinstance(value, list | tuple | np.ndarray):
        value = value[:want]  # what is not asked for need not convert
    if type(value) is np.ndarray and to == source.native != protocol.STRING:
        return dbr_elements.array_bytes(value, to)
    body, count = dbr_elements.elements(value, source, to)
    if 0 < want < count:
        count = want
        body = body[: count * protocol.ELEMENT_SIZE[to]]
    return body, count


def _chars_of_string(
    value: TextOrTexts, source: dbr_elements.Source, want: int, data: Data
) -> tuple[dbr_elements.Buffer, int]:
    """A STRING read as a long string: its chars and a NUL, also where it is cut."""
    text = value if isinstance(value, str | bytes) else value[0]
    if isinstance(text, str):
        text = dbr_elements.encode_text(text, source.encoding)
    size = long_string_length(data)
    chars = text[: (min(want, size) or size) - 1] + b"\0"
    return chars, len(chars)


def _metadata(data: Data, dtype: int, stamp: Stamp | None) -> bytes:
    if dtype < protocol.STS or dtype == protocol.CLASS_NAME:
        return b""
    if dtype == protocol.STSACK_STRING:
        return _ACKNOWLEDGE(*alarm_numbers(data), *acknowledge_numbers(data))
    if protocol.TIME <= dtype < protocol.GR:
        when = raw(data)["timestamp"] if stamp is None else stamp
        status = _STATUS(*alarm_numbers(data))
        return status + stamp_bytes(when) + protocol.TIME_PAD[dtype]
    if dtype < protocol.TIME or dtype in (protocol.GR, protocol.CTRL):
        # STS, and strings, which have no graphic or control metadata.
        pad = {protocol.CHAR: b"\0", protocol.DOUBLE: b"\0" * 4}.get(dtype % 7, b"")
        return _STATUS(*alarm_numbers(data)) + pad
    return graphic_bytes(data, dtype)


def _finish(
    metadata: bytes,
    body: dbr_elements.Buffer,
    count: int,
    to: int,
    want: int,
    longest: int,
) -> Payload:
    lent = isinstance(body, memoryview) and body.readonly
    if want > count:
        want = max(count, _granted(want, to, longest))
        body = bytes(body) + bytes((want - count) * protocol.ELEMENT_SIZE[to])
        count, lent = want, False
    size = len(metadata) + len(body)
    pad = protocol.PADS[size % 8]
    size += len(pad)
    if size < BIG:
        return Payload(size, count, b"".join((metadata, body, pad)), lent=False)
    return Payload(size, count, [b for b in (metadata, body, pad) if len(b)], lent)


def trimmed(payload: Payload) -> Payload:
    """A single string without what follows its NUL, as old gets are answered."""
    body = payload.joined().partition(b"\0")[0] + b"\0"
    body += protocol.PADS[len(body) % 8]
    return Payload(len(body), payload.elements, body, lent=False)


def _granted(want: int, to: int, longest: int) -> int:
    """How many elements of a fixed count are answered, zero padded.

    All, as in EPICS base, up to what the PV can hold or 16 KiB: a client may not order
    any amount of zeros.
    """
    return min(want, max(longest, FREE_ZEROS // protocol.ELEMENT_SIZE[to]))


def pack_read(
    metadata: SupportsBytes,
    values: Elements | str,
    source: dbr_elements.Source,
    key: Key,
    longest: int,
) -> Payload:
    """The payload of what caproto's own `read` gave, for PVs that override it."""
    dtype, want, _, arr = key
    to = protocol.native(dtype)
    if hasattr(values, "tobytes") and not isinstance(values, np.ndarray):
        values = list(values)  # caproto's DbrStringArray
    values = apply_array_filter(arr, values)
    if to != protocol.STRING and isinstance(values, str):
        values = dbr_elements.encode_text(values, source.encoding)
    body, count = dbr_elements.elements(values, source._replace(native=to), to)
    if 0 < want < count:
        count = want
        body = body[: count * protocol.ELEMENT_SIZE[to]]
    return _finish(bytes(metadata), body, count, to, want, longest)


def zeros(dtype: int, want: int, longest: int) -> Payload:
    """The payload of a reply that says with its status that there is no value."""
    to = protocol.native(dtype)
    count = _granted(want, to, longest)
    size = protocol.VALUE_OFFSET[dtype]
    size += count * protocol.ELEMENT_SIZE[to]
    size += -size % 8
    body = bytes(size)
    return Payload(size, count, body if size < BIG else [body], lent=False)
