"""Channel Access on the wire: headers, commands, status codes, sizes. Pure.

Numbers are those of the CA protocol specification and EPICS base's caProto.h, caerr.h
and db_access.h.
"""

import struct
from typing import Final, NamedTuple

MINOR_VERSION: Final = 13
OLDEST_MINOR: Final = 4
"""Clients below CA 4.4 are told that they are too old, as in EPICS base."""

HEADER: Final = struct.Struct("!HHHHII")
EXTENDED_HEADER: Final = struct.Struct("!HHHHIIII")
EXTENSION: Final = struct.Struct("!II")
MASK: Final = struct.Struct("!12xH")
EXTENDED: Final = 0xFFFF
"""Payload size that announces the extended header."""

# Commands.
VERSION: Final = 0
EVENT_ADD: Final = 1
EVENT_CANCEL: Final = 2
READ: Final = 3
WRITE: Final = 4
SEARCH: Final = 6
EVENTS_OFF: Final = 8
EVENTS_ON: Final = 9
READ_SYNC: Final = 10
ERROR: Final = 11
CLEAR_CHANNEL: Final = 12
NOT_FOUND: Final = 14
READ_NOTIFY: Final = 15
CREATE_CHAN: Final = 18
WRITE_NOTIFY: Final = 19
CLIENT_NAME: Final = 20
HOST_NAME: Final = 21
ACCESS_RIGHTS: Final = 22
ECHO: Final = 23
CREATE_CH_FAIL: Final = 26

DONT_REPLY: Final = 5
"""To a search: only who has the PV is to answer."""
DO_REPLY: Final = 10
NO_ID: Final = 0xFFFFFFFF

# Status codes, with severity (ECA_* of caerr.h).
NORMAL: Final = 1
ALLOCMEM: Final = 48
TOLARGE: Final = 72
BADTYPE: Final = 114
INTERNAL: Final = 142
GETFAIL: Final = 152
PUTFAIL: Final = 160
BADMONID: Final = 242
DEFUNCT: Final = 278
NORDACCESS: Final = 368
NOWTACCESS: Final = 376

# DBR types: native n, then STS n+7, TIME n+14, GR n+21, CTRL n+28.
STRING: Final = 0
SHORT: Final = 1
FLOAT: Final = 2
ENUM: Final = 3
CHAR: Final = 4
LONG: Final = 5
DOUBLE: Final = 6
STS: Final = 7
TIME: Final = 14
GR: Final = 21
CTRL: Final = 28
PUT_ACKT: Final = 35
PUT_ACKS: Final = 36
STSACK_STRING: Final = 37
CLASS_NAME: Final = 38
LAST_TYPE: Final = 38
STRING_SIZE: Final = 40

ELEMENT_SIZE: Final = (40, 2, 4, 2, 1, 4, 8)
"""Bytes of one element of each native type."""

VALUE_OFFSET: Final = (
    *(0, 0, 0, 0, 0, 0, 0),
    *(4, 4, 4, 4, 5, 4, 8),
    *(12, 14, 12, 14, 15, 12, 16),
    *(4, 24, 40, 422, 19, 36, 64),
    *(4, 28, 48, 422, 21, 44, 80),
    *(0, 0, 8, 0),
)
"""Where the first element starts in each DBR type (dbr_value_offset of base)."""

TIME_PAD: Final = {
    14: b"",
    15: b"\0" * 2,
    16: b"",
    17: b"\0" * 2,
    18: b"\0" * 3,
    19: b"",
    20: b"\0" * 4,
}
"""Bytes between time stamp and value of the TIME types (RISC_pad of db_access.h)."""

# Event masks.
DBE_VALUE: Final = 1
DBE_LOG: Final = 2
DBE_ALARM: Final = 4
DBE_PROPERTY: Final = 8

READ_RIGHT: Final = 1
WRITE_RIGHT: Final = 2

PADS: Final = tuple(b"\0" * (-n % 8) for n in range(8))


class Request(NamedTuple):
    """One message of a client; `head` is its header as it came, for error replies."""

    cmd: int
    dtype: int
    elements: int
    p1: int
    p2: int
    body: bytes
    head: bytes


def header(cmd: int, size: int, dtype: int, count: int, p1: int, p2: int) -> bytes:
    """16 bytes, or 24 where size or count needs it, also without any payload.

    A WRITE_NOTIFY reply for 100,000 doubles has no payload but a large count; with a
    short header the client would wait for ever.
    """
    if size >= EXTENDED or count >= EXTENDED:
        return EXTENDED_HEADER.pack(cmd, EXTENDED, dtype, 0, p1, p2, size, count)
    return HEADER.pack(cmd, size, dtype, count, p1, p2)


def error_message(head: bytes, cid: int, status: int, text: str) -> bytes:
    """A CA_PROTO_ERROR reply to the request with this header."""
    body = head + text.encode("utf-8", "replace")[:400] + b"\0"
    body += PADS[len(body) % 8]
    return HEADER.pack(ERROR, len(body), 0, 0, cid, status) + body


def native(dtype: int) -> int:
    """The native type of a DBR type; types 35..38 count as what they hold."""
    return STRING if dtype > PUT_ACKS else SHORT if dtype > 34 else dtype % 7


def text_of(body: bytes) -> str:
    """The NUL-terminated string of a message body; any byte is a character."""
    return body.partition(b"\0")[0].decode("latin-1")
