"""A search by UDP on the wire: the question and its answers. Pure."""

import socket
import struct
from collections.abc import Iterator, Sequence

from sswd.ioc.ca.codec import protocol
from sswd.ioc.client.addresses import Address


def question(names: Sequence[str]) -> bytes:
    """A datagram that asks for PVs; each answer has the place of its name."""
    minor = protocol.MINOR_VERSION
    version = protocol.HEADER.pack(protocol.VERSION, 0, 0, minor, 0, 0)
    return version + b"".join(_asked(name, place) for place, name in enumerate(names))


def _asked(name: str, place: int) -> bytes:
    body = name.encode("latin-1", "replace") + b"\0"
    body += protocol.PADS[len(body) % 8]
    head = protocol.HEADER.pack(
        protocol.SEARCH,
        len(body),
        protocol.DONT_REPLY,
        protocol.MINOR_VERSION,
        place,
        place,
    )
    return head + body


def answers(data: bytes, host: str) -> Iterator[tuple[int, Address]]:
    """(place of a name, server) of each answer in a datagram that `host` has sent.

    Anybody may send anything: what is no answer is passed over.
    """
    at = 0
    while at + protocol.HEADER.size <= len(data):
        cmd, size, port, _, ip, place = protocol.HEADER.unpack_from(data, at)
        at += protocol.HEADER.size + size
        if cmd == protocol.SEARCH and port:
            given = socket.inet_ntoa(struct.pack("!I", ip))
            yield place, (host if ip in (protocol.NO_ID, 0) else given, port)
