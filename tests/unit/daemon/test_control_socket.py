"""The listening end of the control socket, with answers of our own: who is served, and
what a client may cost."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sswd.control.protocol import (
    MAX_REQUEST,
    Call,
    End,
    Error,
    GetStatus,
    Hello,
    Logs,
    Refused,
    Stacks,
    Watch,
    answer_of,
    line_of,
)
from sswd.ioc.daemon.control import connection, listener
from sswd.ioc.daemon.control.listener import Listener

BIG = "x" * 100_000
WAIT_S = 10


class Answers:
    """Answers GetStatus with much, Call never, Watch for ever; Hello fails."""

    def __init__(self) -> None:
        self.watching = 0
        self.fault: Exception = KeyError("a fault of ours")

    async def to(self, request, who):
        match request:
            case GetStatus():
                yield Stacks(of=who, text=BIG)
            case Call():
                await asyncio.Event().wait()
            case Watch():
                self.watching += 1
                try:
                    while True:
                        yield Stacks(of="it", text="news")
                        await asyncio.sleep(0.01)
                finally:
                    self.watching -= 1
            case Hello():
                raise self.fault
            case _:
                raise Refused("no", "not found")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "c.sock"


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture(autouse=True)
async def served(path, answers) -> AsyncIterator[Listener]:
    served = Listener(path, answers)  # type: ignore[arg-type]
    await served.open()
    yield served
    await served.close()
    assert not path.exists()


@contextlib.asynccontextmanager
async def connected(path: Path):
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 20)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader):
    return answer_of(await asyncio.wait_for(reader.readline(), WAIT_S))


async def is_over(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), WAIT_S) == b""
    return True


async def test_requests_follow_each_other(path) -> None:
    async with connected(path) as (reader, writer):
        for _ in range(3):
            writer.write(line_of(GetStatus()))
            told = await answer(reader)
            assert isinstance(told, Stacks)
            assert told.of.endswith(f"@localhost (pid {os.getpid()})")
            assert isinstance(await answer(reader), End)


@pytest.mark.parametrize("kind", [KeyError, OSError, TimeoutError])
async def test_a_fault_of_ours_is_told_and_logged(path, answers, caplog, kind) -> None:
    answers.fault = kind("a fault of ours")
    async with connected(path) as (reader, writer):
        writer.write(line_of(Hello()))
        told = await answer(reader)
        assert told == Error(words=f"{kind.__name__}: {answers.fault}", code="failed")
        writer.write(line_of(GetStatus()))
        assert isinstance(await answer(reader), Stacks)
    assert "control request Hello" in caplog.text


async def test_a_request_that_is_too_long(path) -> None:
    async with connected(path) as (reader, writer):
        writer.write(b" " * (MAX_REQUEST + 1))
        told = await answer(reader)
        assert isinstance(told, Error)
        assert f"{MAX_REQUEST} bytes at most" in told.words
        assert await is_over(reader)


async def test_who_says_nothing_is_dropped(path, monkeypatch) -> None:
    monkeypatch.setattr(connection, "IDLE_S", 0.05)
    async with connected(path) as (reader, writer):
        writer.write(b'{"half a request')
        assert await is_over(reader)


async def test_who_takes_no_answer_is_dropped(path, monkeypatch) -> None:
    monkeypatch.setattr(connection, "WRITE_S", 0.05)
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, str(path))
        await loop.sock_sendall(client, line_of(GetStatus()) * 20)
        async with connected(path) as (reader, writer):  # nobody else waits for it
            writer.write(line_of(GetStatus()))
            assert isinstance(await answer(reader), Stacks)
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            async with asyncio.timeout(WAIT_S):
                while True:
                    await asyncio.sleep(0.01)
                    await loop.sock_sendall(client, b" ")


@pytest.mark.parametrize("request_", [Call(pv="A", value=1), Watch(pvs=["A"])])
async def test_what_waits_ends_when_the_client_hangs_up(
    path, answers, served, request_
) -> None:
    async with connected(path) as (reader, writer):
        writer.write(line_of(request_))
        if isinstance(request_, Watch):
            assert (await answer(reader)).text == "news"
            assert answers.watching == 1
    async with asyncio.timeout(WAIT_S):
        while served._clients:
            await asyncio.sleep(0.01)
    assert answers.watching == 0


async def test_the_end_of_the_daemon_ends_what_waits(path, answers, served) -> None:
    async with connected(path) as (reader, writer):
        writer.write(line_of(Watch(pvs=["A"])))
        await answer(reader)
        await served.close()
        assert answers.watching == 0


async def test_so_many_clients_and_no_more(path, monkeypatch) -> None:
    monkeypatch.setattr(listener, "MAX_CLIENTS", 2)
    monkeypatch.setattr(listener, "SPARE", 1)
    full = Error(words="2 clients are connected already")
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            reader, writer = await stack.enter_async_context(connected(path))
            writer.write(line_of(Watch(pvs=["A"])))
            assert isinstance(await answer(reader), Stacks)
        spare, writer = await stack.enter_async_context(connected(path))
        for stays in (Watch(pvs=["A"]), Call(pv="A", value=1), Logs(follow=True)):
            writer.write(line_of(stays))
            assert await answer(spare) == full
        writer.write(line_of(GetStatus()))
        assert isinstance(await answer(spare), Stacks)
        reader, writer = await stack.enter_async_context(connected(path))
        told = await answer(reader)
        assert told == Error(words="3 clients are connected already")
        assert await is_over(reader)
    async with asyncio.timeout(WAIT_S):
        while True:
            async with connected(path) as (reader, writer):
                writer.write(line_of(Watch(pvs=["A"])))
                if isinstance(await answer(reader), Stacks):
                    return


async def test_another_user_is_refused(path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(listener, "may_ask", lambda uid: uid == os.getuid() + 1)
    async with connected(path) as (reader, _):
        told = await answer(reader)
        assert isinstance(told, Error)
        assert told.words.startswith(f"user id {os.getuid()} may not ask this daemon")
        assert await is_over(reader)
    assert "may not ask this daemon" in caplog.text


async def test_what_a_dead_daemon_left_is_replaced(tmp_path, answers) -> None:
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    anew = Listener(left, answers)
    await anew.open()
    async with connected(left) as (reader, writer):
        writer.write(line_of(GetStatus()))
        assert isinstance(await answer(reader), Stacks)
    await anew.close()


async def test_no_room_for_a_socket_ends_nothing(tmp_path, answers, caplog) -> None:
    nowhere = Listener(tmp_path / "gone" / "c.sock", answers)
    await nowhere.open()
    assert caplog.record_tuples[0][1] == logging.WARNING
    assert "no control socket at" in caplog.text
    await nowhere.close()


async def test_the_end_is_no_error_for_who_is_connected(
    path, served, caplog, monkeypatch
) -> None:
    """Python 3.11 logs a handler of a stream that is cancelled, with a traceback."""
    told = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_exception_handler", told.append)
    async with connected(path) as (reader, writer):
        writer.write(line_of(GetStatus()))
        assert isinstance(await answer(reader), Stacks)
        await served.close()
        await answer(reader)
        assert await is_over(reader)
    await asyncio.sleep(0)
    assert not told
    assert not caplog.records
