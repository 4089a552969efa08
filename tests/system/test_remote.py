"""The client that follows one PV of another IOC, and servers that do their worst."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from puppets import Puppets, puppets

from sswd.errors import RemoteLost
from sswd.ioc.client.remote_pv import RemotePv, Update

WAIT_S = 15.0


@pytest.fixture
def masters(monkeypatch: pytest.MonkeyPatch) -> Iterator[Puppets]:
    with puppets() as made:
        for name, value in made.env.items():
            monkeypatch.setenv(name, value)
        yield made


def plain(update: Update) -> Update:
    """Without its time, which is the server's."""
    assert update.stamp_s > 0
    return dataclasses.replace(update, stamp_s=0.0)


class Seen:
    """What a RemotePv told."""

    def __init__(self) -> None:
        self.updates: list[Update] = []
        self.connections: list[tuple[bool, str]] = []
        self.changed = asyncio.Event()

    def update(self, update: Update) -> None:
        self.updates.append(update)
        self.changed.set()

    def connection(self, is_connected: bool, words: str) -> None:
        self.connections.append((is_connected, words))
        self.changed.set()

    async def until(self, test: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not test():
                self.changed.clear()
                await self.changed.wait()

    async def connected(self, times: int = 1) -> None:
        await self.until(lambda: sum(is_up for is_up, _ in self.connections) == times)

    async def lost(self, times: int = 1) -> None:
        await self.until(
            lambda: sum(not is_up for is_up, _ in self.connections) == times
        )


@contextlib.asynccontextmanager
async def following(name: str) -> AsyncIterator[tuple[RemotePv, Seen]]:
    """A RemotePv that leaves nothing behind."""
    before = asyncio.all_tasks()
    seen = Seen()
    pv = RemotePv(name, seen.update, seen.connection)
    pv.start()
    try:
        yield pv, seen
    finally:
        await pv.close()
        left = asyncio.all_tasks() - before
        assert not [task for task in left if "Liar" not in repr(task)]


async def in_thread(function, *args):
    return await asyncio.get_running_loop().run_in_executor(None, function, *args)


async def test_values_puts_and_gets(masters) -> None:
    await in_thread(masters.start)
    async with (
        following("M:COUNT") as (pv, seen),
        following("M:SHORT") as (text, words),
    ):
        await seen.connected()
        await words.connected()
        assert plain(seen.updates[0]) == Update(0, 0, 0, is_first=True)
        assert await pv.put(7)
        await seen.until(
            lambda: plain(seen.updates[-1]) == Update(7, 0, 0, is_first=False)
        )
        assert await pv.get() == 7
        assert await text.put(b"{'stage': 1}")
        await words.until(lambda: words.updates[-1].value == b"{'stage': 1}")
    async with following("M:Nested_Indices") as (pv, seen):
        await seen.connected()
        assert await pv.put(b"{'stage': 1, 'laser': 2}")
        await seen.until(lambda: len(seen.updates) == 2)
        assert seen.updates[-1].value == b"{'stage': 1, 'laser': 2}"


async def test_a_frozen_server_that_never_comes_back(masters) -> None:
    """caproto's asyncio client stays lost after this, for good."""
    frozen = await in_thread(masters.start)
    async with following("M:COUNT") as (pv, seen):
        await seen.connected()
        frozen.process.send_signal(signal.SIGSTOP)
        put = pv.put(3)
        await seen.lost()
        assert seen.connections[-1] == (False, "the server is silent")
        with pytest.raises(RemoteLost, match="before the server answered"):
            await put
        with pytest.raises(RemoteLost, match="M:COUNT is not connected"):
            pv.put(4)
        await in_thread(frozen.kill)
        again = await in_thread(masters.start, 1)
        await seen.connected(2)
        assert plain(seen.updates[-1]) == Update(0, 0, 0, is_first=True)
        await in_thread(again.put, "COUNT", 5)
        await seen.until(lambda: seen.updates[-1].value == 5)


async def test_many_changes_of_address(masters) -> None:
    async with following("M:COUNT") as (_, seen):
        for times in range(1, 5):
            master = await in_thread(masters.start, times % 2)
            await seen.connected(times)
            await in_thread(master.kill)
            await seen.lost(times)


class Liar:
    """Answers searches for whatever name, and then says what the test wants."""

    def __init__(self, answer: bytes, port: int) -> None:
        self.answer = answer
        self.clients = 0
        self.port = port
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", port))
        self.udp.setblocking(False)

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self.talk, "127.0.0.1", self.port)
        async with server:
            while True:
                _, address = await loop.sock_recvfrom(self.udp, 2000)
                reply = struct.pack("!HHHHII", 6, 8, self.port, 0, 0xFFFFFFFF, 0)
                reply += struct.pack("!H6x", 13)
                self.udp.sendto(reply, address)

    async def talk(self, _reader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        writer.write(self.answer)
        with contextlib.suppress(OSError):
            await writer.drain()
            await _reader.read()
        writer.close()


GIGABYTE = struct.pack("!HHHHIIII", 1, 0xFFFF, 0, 0, 0, 1, 2**30, 0)


@pytest.mark.parametrize(
    "answer",
    [
        os.urandom(4000),
        b"HTTP/1.1 400 Bad Request\r\n\r\n" * 3,
        struct.pack("!HHHHII", 0, 0, 0, 13, 0, 0) + GIGABYTE,
        struct.pack("!HHHHII", 1, 16, 6, 1, 1, 77) + b"\0" * 16,  # never asked for
        struct.pack("!HHHHII", 26, 0, 0, 0, 0, 0),  # no such channel
        b"",
    ],
    ids=["noise", "http", "gigabyte", "unasked", "no channel", "nothing"],
)
async def test_a_server_that_lies_is_left_and_tried_again(
    masters, answer, monkeypatch
) -> None:
    monkeypatch.setattr("sswd.ioc.client.session.CONNECT_S", 0.3)
    liar = Liar(answer, masters.ports[0])
    serving = asyncio.create_task(liar.serve())
    async with following("M:COUNT") as (_, seen):
        async with asyncio.timeout(WAIT_S):
            while liar.clients < 3:
                await asyncio.sleep(0.01)
        assert seen.updates == seen.connections == []
        # An honest one takes its place.
        serving.cancel()
        await asyncio.wait({serving})
        liar.udp.close()
        await in_thread(masters.start)
        await seen.connected()
