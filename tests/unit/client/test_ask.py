"""Puts to a server that answers echoes and puts, and no gets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from sswd.errors import PutFailed, RemoteLost
from sswd.ioc.ca.codec import protocol
from sswd.ioc.client import ask
from sswd.ioc.client.open_channel import open_at

SHORT_S = 0.2
HUNG_S = 30.0


class NoGets:
    """One PV, which is put to. A get is not answered, or ends the connection."""

    def __init__(self, dtype: int, *, hangs_up: bool = False) -> None:
        self._dtype = dtype
        self._hangs_up = hangs_up
        self.puts = 0

    async def talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(protocol.HEADER.size)
                cmd, size, dtype, count, p1, p2 = protocol.HEADER.unpack(head)
                await reader.readexactly(size)
                if cmd == protocol.READ_NOTIFY and self._hangs_up:
                    break
                writer.write(self._answer(cmd, dtype, count, p1, p2))
        writer.close()

    def _answer(self, cmd: int, dtype: int, count: int, p1: int, p2: int) -> bytes:
        match cmd:
            case protocol.VERSION:
                return protocol.header(cmd, 0, 0, protocol.MINOR_VERSION, 0, 0)
            case protocol.CREATE_CHAN:
                return protocol.header(cmd, 0, self._dtype, 1, p1, 1)
            case protocol.ECHO:
                return protocol.header(cmd, 0, 0, 0, 0, 0)
            case protocol.WRITE_NOTIFY:
                self.puts += 1
                return protocol.header(cmd, 0, dtype, count, protocol.NORMAL, p2)
        return b""


@contextlib.asynccontextmanager
async def served(
    server: NoGets, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Every PV is at this server, which is found without a search."""
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    async with listening:
        address = listening.sockets[0].getsockname()
        monkeypatch.setattr(
            ask, "open_channel", lambda name, wait_s: open_at(name, address, wait_s)
        )
        monkeypatch.setattr(ask, "ANSWER_S", SHORT_S)
        yield


async def put(word: str, timeout_s: float | None = None) -> None:
    async with asyncio.timeout(HUNG_S):
        await ask.put("X", [word], wait_s=10.0, timeout_s=timeout_s, as_number=False)


@pytest.mark.parametrize("timeout_s", [None, 0.1, 60.0])
async def test_states_that_are_not_told_keep_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, timeout_s: float | None
) -> None:
    server = NoGets(protocol.ENUM)
    async with served(server, monkeypatch):
        words = f"X: nothing was put.*: no answer in {min(timeout_s or 1, SHORT_S):g} s"
        with pytest.raises(PutFailed, match=words):
            await put("fast", timeout_s)
    assert server.puts == 0


async def test_a_server_that_is_lost_before_the_put_has_got_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = NoGets(protocol.ENUM, hangs_up=True)
    async with served(server, monkeypatch):
        with pytest.raises(PutFailed, match="X: nothing was put") as failed:
            await put("fast")
    assert "nobody knows" not in str(failed.value)
    assert server.puts == 0


async def test_what_cannot_be_read_after_a_put_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = NoGets(protocol.DOUBLE)
    async with served(server, monkeypatch):
        words = "X: the put is done, but the value cannot be read: no answer in 0.2 s"
        with pytest.raises(RemoteLost, match=words):
            await put("1", 60.0)
    assert server.puts == 1
