"""A RecCeiver for tests, by the protocol's description: it records what it is told."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

HEADER = struct.Struct("!2sHI")
ANNOUNCE = struct.Struct("!2sH4sHxxI")
KEY = 4711


@dataclass
class Receiver:
    """What one connection has told."""

    greetings: list[int] = field(default_factory=list)
    records: dict[int, tuple[str, str]] = field(default_factory=dict)
    aliases: list[tuple[int, str]] = field(default_factory=list)
    infos: dict[int, dict[str, str]] = field(default_factory=dict)
    uploads: int = 0
    pongs: list[int] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    port: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writers.append(writer)
        self.send(0x8001, b"\0")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                magic, kind, size = HEADER.unpack(await reader.readexactly(8))
                assert magic == b"RC"
                self._take(kind, await reader.readexactly(size))
                async with self.changed:
                    self.changed.notify_all()
        writer.transport.abort()

    def send(self, kind: int, body: bytes) -> None:
        self._writers[-1].write(HEADER.pack(b"RC", kind, len(body)) + body)

    def ping(self, number: int) -> None:
        self.send(0x8002, struct.pack("!I", number))

    def hang_up(self) -> None:
        self._writers[-1].transport.abort()

    def announce(self, to_port: int) -> None:
        data = ANNOUNCE.pack(b"RC", 0, b"\xff" * 4, self.port, KEY)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(data, ("127.0.0.1", to_port))

    async def until(self, test) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(test)

    def _take(self, kind: int, body: bytes) -> None:
        if kind == 1:
            version, client, key = struct.unpack("!BBxxI", body)
            assert (version, client) == (0, 0)
            self.greetings.append(key)
        elif kind == 2:
            self.pongs += struct.unpack("!I", body)
        elif kind == 3:
            number, is_alias, kinds, names = struct.unpack_from("!IBBH", body)
            assert len(body) == 8 + kinds + names
            name = body[8 + kinds :].decode()
            if is_alias:
                self.aliases.append((number, name))
            else:
                self.records[number] = (body[8 : 8 + kinds].decode(), name)
        elif kind == 5:
            self.uploads += 1
        elif kind == 6:
            number, keys, values = struct.unpack_from("!IBxH", body)
            assert len(body) == 8 + keys + values
            self.infos.setdefault(number, {})[body[8 : 8 + keys].decode()] = body[
                8 + keys :
            ].decode()
        else:
            raise AssertionError(f"message {kind:#x}")


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A RecCeiver that listens on loopback while the block runs."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for writer in receiver._writers:
            writer.transport.abort()
        await server.wait_closed()
