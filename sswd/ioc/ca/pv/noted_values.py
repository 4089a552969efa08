"""The values of a put, old and new, as its note has them: cut, so that a note is small
whatever a client puts. Loop thread only.
"""

import time
from collections import UserList
from typing import Any

import numpy as np

from sswd.ioc.ca.caproto_private.data import (
    Data,
    enum_strings,
    raw,
    values_from_wire,
)
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.dbr_elements import encode_text
from sswd.ioc.ca.put_note import CHARACTERS, PutNote

ELEMENTS = {protocol.STRING: 10, protocol.CHAR: 400}
OTHER_ELEMENTS = 50
"""As many of an array are noted; as in EPICS's caPutLog, 400 bytes."""
INTEGER_BITS = 64
"""An integer of more is noted as a text."""


def put_note(
    name: str, data: Data, sent: tuple[int, int, bytes], who: tuple[str, str, str]
) -> PutNote:
    """The note of a put that has arrived.

    `sent`: DBR type, elements, body. `who`: address, host, user.
    """
    address, host, user = who
    new, new_size = _from_wire(data, *sent)
    old, old_size = _as_noted(data, raw(data)["value"])
    now_s = time.time()
    return PutNote(name, address, host, user, now_s, new, old, new_size, old_size)


def noted_unput(value: object) -> tuple[object, int | None]:
    """A value that never came to a PV, likewise: what is noted, and its size.

    `value`: a number of any size, a text, or a list of these.
    """
    if isinstance(value, list):
        is_text = any(isinstance(each, str) for each in value)
        limit = ELEMENTS[protocol.STRING] if is_text else OTHER_ELEMENTS
        return [_small(each) for each in value[:limit]], len(value)
    is_cut = isinstance(value, str) and len(value) > CHARACTERS
    return _small(value), len(encode_text(str(value), "utf-8")) if is_cut else None


def _small(value: object) -> object:
    is_huge = isinstance(value, int) and value.bit_length() > INTEGER_BITS
    return _element(str(value) if is_huge else value)


def _from_wire(
    data: Data, dtype: int, count: int, body: bytes
) -> tuple[object, int | None]:
    if dtype > protocol.LAST_TYPE or dtype in (protocol.PUT_ACKT, protocol.PUT_ACKS):
        return int.from_bytes(body[:2], "big"), None
    native = protocol.native(dtype)
    taken = min(count, ELEMENTS.get(native, OTHER_ELEMENTS))
    offset, size = protocol.VALUE_OFFSET[dtype], protocol.ELEMENT_SIZE[native]
    part = body[offset : offset + taken * size]
    if native != protocol.STRING and len(part) < taken * size:
        return f"{len(part)} of {taken * size} bytes", None
    try:
        values = values_from_wire(native, taken, part)
    except Exception:  # noqa: BLE001 - a client's bytes; the put is refused elsewhere
        return "unreadable", None
    noted, size_noted = _as_noted(data, values, is_state=native != protocol.STRING)
    is_cut = isinstance(noted, str) and taken < count and b"\0" not in part
    return noted, None if size_noted is None and not is_cut else count


def _as_noted(
    data: Data, value: Any, *, is_state: bool = False
) -> tuple[object, int | None]:
    """A value cut to what is noted, and the size of an array.

    `is_state`: of an enum it is the number, whose name is looked up.
    """
    if isinstance(value, UserList):  # caproto's DBR_STRINGs
        value = value.data
    if data.data_type == protocol.CHAR and not _is_text(data):
        chars = list(bytes(value[: ELEMENTS[protocol.CHAR]]))
        return (chars, len(value)) if data.max_length > 1 else (chars[0], None)
    if isinstance(value, str):
        return _text(encode_text(value[:CHARACTERS], "utf-8")), None
    if isinstance(value, bytes | bytearray):
        return _text(bytes(value)), None
    if not isinstance(value, list | tuple | np.ndarray):
        return _element(value), None
    if _is_text(data):  # chars, or one DBR_STRING
        if isinstance(value, np.ndarray):
            return _text(value.tobytes()), None
        return _text(b"".join(value[:1])), None
    limit = ELEMENTS.get(int(data.data_type), OTHER_ELEMENTS)
    elements = [_element(each) for each in value[:limit]]
    if data.max_length == 1 and len(elements) == 1:
        return (_state(data, elements[0]) if is_state else elements[0]), None
    return elements, len(value)


def _is_text(data: Data) -> bool:
    """Whether an array of chars is served as one text."""
    is_long = getattr(data, "is_long_string", False)
    return data.data_type == protocol.CHAR and bool(is_long or data.string_encoding)


def _state(data: Data, element: object) -> object:
    states = enum_strings(data)
    if isinstance(element, int) and 0 <= element < len(states):
        return states[element]
    return element


def _element(value: Any) -> object:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, str):
        return value[:CHARACTERS]
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, bool | int | float) else str(value)[:CHARACTERS]


def _text(chars: bytes) -> str:
    text = chars[:CHARACTERS].partition(b"\0")[0]
    return text.decode("utf-8", "backslashreplace")
