"""Where a PV is served, asked over TCP: EPICS_CA_NAME_SERVERS.

Any Channel Access server answers for its own PVs, a gateway or a name server for those
of others.

Threading model: everything on one event loop.
"""

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator
from typing import NamedTuple

from sswd.ioc.ca.codec import protocol
from sswd.ioc.client.environment import CA_PORT, port_of

MESSAGE_BYTES = 1 << 16
"""No server is believed that announces a longer answer."""
ITSELF = 0xFFFFFFFF
_CID = 1


class Answer(NamedTuple):
    """One message of a server."""

    cmd: int
    dtype: int
    elements: int
    p1: int
    p2: int


def name_servers(given: str | None = None, port: str | None = None) -> list[str]:
    """host:port of each of EPICS_CA_NAME_SERVERS, or of `given`.

    `port` is the default one, or EPICS_CA_SERVER_PORT. What is none is left out.
    """
    given = os.environ.get("EPICS_CA_NAME_SERVERS", "") if given is None else given
    port = os.environ.get("EPICS_CA_SERVER_PORT", "") if port is None else port
    default = port_of(port) or CA_PORT
    found = []
    for text in given.split():
        host, colon, own = text.partition(":")
        number = port_of(own) if colon else default
        if host and number:
            found.append(f"{host}:{number}")
    return found


class Circuit:
    """A TCP connection to a server, for questions about one PV name."""

    def __init__(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._name = name.encode("latin-1", "replace") + b"\0"
        self._name += protocol.PADS[len(self._name) % 8]
        self._reader, self._writer = reader, writer
        self._send(protocol.VERSION, 0, protocol.MINOR_VERSION, 0, 0)

    async def search(self) -> Answer | None:
        """The answer to a search: `dtype` is the TCP port, `p1` the host, or ITSELF.

        None: it does not know the PV. Raises OSError; blocks while it is silent.
        """
        reply, minor = protocol.DO_REPLY, protocol.MINOR_VERSION
        self._send(protocol.SEARCH, reply, minor, _CID, _CID, self._name)
        found = await self._first(protocol.SEARCH, protocol.NOT_FOUND)
        return found if found.cmd == protocol.SEARCH else None

    async def create(self) -> Answer | None:
        """The channel, with `dtype` and `elements`; None: there is none.

        Raises OSError.
        """
        minor = protocol.MINOR_VERSION
        self._send(protocol.CREATE_CHAN, 0, 0, _CID, minor, self._name)
        found = await self._first(protocol.CREATE_CHAN, protocol.CREATE_CH_FAIL)
        return found if found.cmd == protocol.CREATE_CHAN else None

    def _send(
        self, cmd: int, dtype: int, count: int, p1: int, p2: int, body: bytes = b""
    ) -> None:
        head = protocol.HEADER.pack(cmd, len(body), dtype, count, p1, p2)
        self._writer.write(head + body)

    async def _first(self, *wanted: int) -> Answer:
        while True:
            answer = await self._receive()
            if answer.cmd in wanted:
                return answer

    async def _receive(self) -> Answer:
        try:
            head = await self._reader.readexactly(protocol.HEADER.size)
            cmd, size, dtype, elements, p1, p2 = protocol.HEADER.unpack(head)
            if size == protocol.EXTENDED:
                more = await self._reader.readexactly(protocol.EXTENSION.size)
                size, elements = protocol.EXTENSION.unpack(more)
            if size > MESSAGE_BYTES:
                raise OSError(f"it announces an answer of {size} bytes")
            await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, struct.error) as error:
            raise ConnectionError("the server hung up") from error
        return Answer(cmd, dtype, elements, p1, p2)


@contextlib.asynccontextmanager
async def circuit(host: str, port: int, name: str) -> AsyncIterator[Circuit]:
    """A connection that is closed after the block. Raises OSError."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield Circuit(name, reader, writer)
    finally:
        writer.transport.abort()


async def ask(server: str, name: str) -> tuple[str, int] | None:
    """Host and TCP port that `server` ("host:port") names for a PV; None: it does not
    know it. Raises OSError, and UnicodeError for what can be no name of a host; blocks
    while the server is silent."""
    host, _, port = server.rpartition(":")
    async with circuit(host, int(port), name) as connection:
        found = await connection.search()
        if found is None:
            return None
        if found.p1 in (ITSELF, 0):
            return host, found.dtype
        octets = found.p1.to_bytes(4, "big")
        return ".".join(map(str, octets)), found.dtype
