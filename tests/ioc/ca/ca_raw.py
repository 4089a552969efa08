"""A Channel Access client that builds and reads every byte itself, in asyncio."""

import asyncio
import socket
import struct
from typing import NamedTuple

HEADER = struct.Struct("!HHHHII")
EXTENDED = struct.Struct("!HHHHIIII")

VERSION, EVENT_ADD, EVENT_CANCEL, READ, WRITE, SEARCH = 0, 1, 2, 3, 4, 6
EVENTS_OFF, EVENTS_ON, ERROR, CLEAR_CHANNEL, READ_NOTIFY = 8, 9, 11, 12, 15
CREATE_CHAN, WRITE_NOTIFY, CLIENT_NAME, HOST_NAME, ACCESS_RIGHTS = 18, 19, 20, 21, 22
READ_SYNC = 10
ECHO, CREATE_FAIL, SERVER_DISCONN = 23, 26, 27


class Message(NamedTuple):
    cmd: int
    dtype: int
    count: int
    p1: int
    p2: int
    body: bytes
    extended: bool = False


def message(cmd, dtype=0, count=0, p1=0, p2=0, body=b""):
    body += b"\0" * (-len(body) % 8)
    if len(body) >= 0xFFFF or count >= 0xFFFF:
        return EXTENDED.pack(cmd, 0xFFFF, dtype, 0, p1, p2, len(body), count) + body
    return HEADER.pack(cmd, len(body), dtype, count, p1, p2) + body


class Channel(NamedTuple):
    cid: int
    sid: int
    dtype: int
    count: int
    rights: int


class RawClient:
    """`version` None sends no greeting; `rcvbuf` makes a client that clogs early."""

    def __init__(self, version=13, rcvbuf=None, user="tester", host="testhost"):
        self.version, self.user, self.host = version, user, host
        self.sock = socket.socket()
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.setblocking(False)
        self.buffer = bytearray()
        self.cid = 100

    async def connect(self, port):
        await self.loop.sock_connect(self.sock, ("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.version is not None:
            await self.send(
                message(VERSION, 0, self.version)
                + message(CLIENT_NAME, body=self.user.encode() + b"\0")
                + message(HOST_NAME, body=self.host.encode() + b"\0")
            )

    @property
    def loop(self):
        return asyncio.get_running_loop()

    async def send(self, data):
        await self.loop.sock_sendall(self.sock, data)

    async def _need(self, size, timeout):
        while len(self.buffer) < size:
            async with asyncio.timeout(timeout):
                chunk = await self.loop.sock_recv(self.sock, 1 << 20)
            if not chunk:
                raise EOFError
            self.buffer += chunk

    async def receive(self, timeout=5):
        """The next message; EOFError when the server has closed."""
        await self._need(16, timeout)
        cmd, size, dtype, count, p1, p2 = HEADER.unpack_from(self.buffer)
        start, extended = 16, size == 0xFFFF
        if extended:
            await self._need(24, timeout)
            size, count = struct.unpack_from("!II", self.buffer, 16)
            start = 24
        await self._need(start + size, timeout)
        body = bytes(self.buffer[start : start + size])
        del self.buffer[: start + size]
        return Message(cmd, dtype, count, p1, p2, body, extended)

    async def receive_until(self, cmd, timeout=5):
        while True:
            got = await self.receive(timeout)
            if got.cmd == cmd:
                return got

    async def closed_by_server(self, timeout=5):
        try:
            while True:
                await self.receive(timeout)
        except (EOFError, ConnectionError):
            return True
        except TimeoutError:
            return False

    async def create(self, name):
        self.cid += 1
        await self.send(
            message(CREATE_CHAN, p1=self.cid, p2=13, body=name.encode() + b"\0")
        )
        rights = None
        while True:
            got = await self.receive()
            if got.cmd == ACCESS_RIGHTS and got.p1 == self.cid:
                rights = got.p2
            elif got.cmd == CREATE_CHAN and got.p1 == self.cid:
                return Channel(self.cid, got.p2, got.dtype, got.count, rights)
            elif got.cmd == CREATE_FAIL and got.p1 == self.cid:
                raise KeyError(name)

    async def get(self, chan, dtype=None, count=0):
        dtype = chan.dtype if dtype is None else dtype
        await self.send(message(READ_NOTIFY, dtype, count, chan.sid, 7))
        return await self.receive_until(READ_NOTIFY)

    async def put(self, chan, body, dtype=None, count=1, notify=True, ioid=9):
        dtype = chan.dtype if dtype is None else dtype
        cmd = WRITE_NOTIFY if notify else WRITE
        await self.send(message(cmd, dtype, count, chan.sid, ioid, body))
        return await self.receive_until(WRITE_NOTIFY) if notify else None

    async def monitor(self, chan, dtype=None, count=0, mask=1, subid=1):
        dtype = chan.dtype if dtype is None else dtype
        body = struct.pack("!fffHH", 0, 0, 0, mask, 0)
        await self.send(message(EVENT_ADD, dtype, count, chan.sid, subid, body))

    def close(self):
        self.sock.close()
