"""The levels of back pressure: how they rise, and that they end all at once."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from sswd.ioc.ca.circuit.output import BLOCKED, CONGESTED, FREE, PAUSED, Output
from sswd.ioc.ca.codec.payloads import Payload

HIGH = 1 << 20
CHUNK = bytes(64 << 10)
TINY = Payload(8, 1, bytes(8), lent=False)


class Owner:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def replay(self) -> None:
        self.calls.append("replay")

    def resume_reading(self) -> None:
        self.calls.append("resume_reading")

    def close(self) -> None:
        self.calls.append("close")


class Link:
    """An output, and the socket of a client that reads when the test says so."""

    def __init__(self) -> None:
        self.sock, self.client = socket.socketpair()
        self.sock.setblocking(False)
        self.client.setblocking(False)
        self.owner = Owner()
        self.output = Output(self.sock, HIGH, self.owner)

    def fill(self, *, beyond: int = 1) -> None:
        """Queue answers until more than `beyond` bytes wait."""
        while self.output.unsent_bytes < beyond:
            self.output.send_raw(CHUNK)
            self.output.flush()

    async def drain(self) -> int:
        """Read until nothing waits; how many bytes came."""
        size = 0
        async with asyncio.timeout(10):
            while self.output.parts or self.output.pressure is not FREE:
                try:
                    size += len(self.client.recv(1 << 20))
                except BlockingIOError:
                    await asyncio.sleep(0)
        return size


@pytest.fixture
async def link() -> Iterator[Link]:
    link = Link()
    yield link
    link.output.close()
    link.sock.close()
    link.client.close()


async def test_a_client_that_reads_makes_no_pressure(link):
    for _ in range(100):
        link.output.send_raw(CHUNK[:16])
        link.output.event(20, 1, 7, TINY)
    link.output.flush()
    assert link.output.pressure is FREE
    assert (link.output.unsent_bytes, link.output.asked_bytes) == (0, 0)
    assert len(link.client.recv(1 << 20)) == 100 * (16 + 24)
    assert link.owner.calls == []


async def test_blocked_is_the_kernels_word_and_calls_nobody(link):
    link.fill()
    assert link.output.pressure is BLOCKED
    assert not link.output.pause_if_flooded()
    await link.drain()
    assert link.owner.calls == []


async def test_events_beyond_the_bound_congest_it(link):
    link.fill()
    while link.output.pressure is BLOCKED:
        link.output.event(20, 1, 7, Payload(len(CHUNK), 1, [CHUNK], lent=False))
    assert link.output.pressure is CONGESTED
    assert HIGH < link.output.unsent_bytes < HIGH + 2 * len(CHUNK)
    await link.drain()
    assert link.owner.calls == ["replay"]


async def test_answers_beyond_the_bound_pause_it(link):
    link.fill(beyond=HIGH + 1)
    assert link.output.pause_if_flooded()
    assert link.output.pressure is PAUSED
    await link.drain()
    assert link.owner.calls == ["replay", "resume_reading"]
    assert link.output.asked_bytes == 0


async def test_a_broken_connection_closes_it_in_the_next_turn(link):
    link.client.close()
    link.fill()
    assert link.output.pressure is BLOCKED
    assert link.owner.calls == []
    await asyncio.sleep(0)
    assert link.owner.calls == ["close"]


async def test_nothing_is_sent_after_the_end(link):
    link.output.close()
    link.output.send_raw(CHUNK)
    link.output.flush()
    with pytest.raises(BlockingIOError):
        link.client.recv(1)
