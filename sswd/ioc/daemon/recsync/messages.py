"""RecSync on the wire: announcements by UDP, messages by TCP. Pure.

Version 0, as github.com/ChannelFinder/recsync has it. Everything is big-endian.
"""

import ipaddress
import struct
from typing import Final, NamedTuple

ANNOUNCEMENT: Final = struct.Struct("!2sH4sHxxI")
HEADER: Final = struct.Struct("!2sHI")
_GREETING = struct.Struct("!BBxxI")
_RECORD = struct.Struct("!IBBH")
_INFO = struct.Struct("!IBxH")
_NUMBER = struct.Struct("!I")
MAGIC: Final = b"RC"

# What we send.
GREETING: Final = 0x0001
PONG: Final = 0x0002
ADD_RECORD: Final = 0x0003
UPLOAD_DONE: Final = 0x0005
ADD_INFO: Final = 0x0006
# What we are sent.
SERVER_GREETING: Final = 0x8001
PING: Final = 0x8002

IOC: Final = 0
"""The number of the IOC itself, for infos."""
LONGEST_BODY: Final = 1 << 16
"""A RecCeiver that announces a longer one is not believed."""
_SAME_HOST = "255.255.255.255"


class Announcement(NamedTuple):
    """A RecCeiver that can be connected."""

    host: str
    port: int
    key: int


def announcement(data: bytes, sender: str) -> Announcement | None:
    """What a datagram of `sender` announces; None: it is none."""
    if len(data) < ANNOUNCEMENT.size:
        return None
    magic, version, packed, port, key = ANNOUNCEMENT.unpack_from(data)
    if magic != MAGIC or version != 0 or port == 0:
        return None
    host = str(ipaddress.IPv4Address(packed))
    return Announcement(sender if host == _SAME_HOST else host, port, key)


def header(data: bytes) -> tuple[int, int]:
    """(kind, bytes of the body) of a message. Raises ValueError for what is none."""
    magic, kind, size = HEADER.unpack(data)
    if magic != MAGIC or size > LONGEST_BODY:
        raise ValueError("no message of RecSync")
    return kind, size


def _message(kind: int, body: bytes) -> bytes:
    return HEADER.pack(MAGIC, kind, len(body)) + body


def greeting(key: int) -> bytes:
    """The first message, with the key of the announcement."""
    return _message(GREETING, _GREETING.pack(0, 0, key))


def pong(ping: bytes) -> bytes:
    """The answer to the body of a ping. Raises ValueError."""
    if len(ping) < _NUMBER.size:
        raise ValueError("a ping without its number")
    return _message(PONG, ping[: _NUMBER.size])


def add_record(number: int, record_type: str, name: str) -> bytes:
    """A record by the number that infos and aliases name it by."""
    kind, whole = record_type.encode()[:255], name.encode()[:65535]
    return _message(
        ADD_RECORD, _RECORD.pack(number, 0, len(kind), len(whole)) + kind + whole
    )


def add_alias(number: int, name: str) -> bytes:
    """Another name of a record."""
    whole = name.encode()[:65535]
    return _message(ADD_RECORD, _RECORD.pack(number, 1, 0, len(whole)) + whole)


def add_info(number: int, key: str, value: str) -> bytes:
    """Something to know of a record, or of the IOC."""
    what, text = key.encode()[:255], value.encode()[:65535]
    return _message(ADD_INFO, _INFO.pack(number, len(what), len(text)) + what + text)


def upload_done() -> bytes:
    """All that there is has been told."""
    return _message(UPLOAD_DONE, _NUMBER.pack(0))
