"""Who has a PV is asked by UDP."""

import asyncio
import socket

import pytest

from sswd.errors import NotFoundError
from sswd.ioc.client import ask
from sswd.ioc.client.search import search
from sswd.testing import loopback_env
from tests.unit.client.search_answer import answer

LONGEST_RECORD = "X" * 60
NO_HOST = r"10\.0\.0\.\.7:\d+"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Where this environment searches."""
    env = loopback_env()
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return int(env["EPICS_CA_SERVER_PORT"])


async def searched_and_found(name: str, port: int) -> None:
    """`name` is asked for at `port`, and who answers for it is taken."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))
        server.setblocking(False)
        seeking = asyncio.create_task(search(name))
        receiving = asyncio.create_task(loop.sock_recvfrom(server, 1000))
        await asyncio.wait(
            {seeking, receiving}, timeout=10, return_when=asyncio.FIRST_COMPLETED
        )
        if receiving.done():
            data, client = receiving.result()
            assert name.encode() + b"\0" in data
            await loop.sock_sendto(server, answer(7000, place=1), client)
            await loop.sock_sendto(server, answer(6000), client)
        receiving.cancel()
        assert await asyncio.wait_for(seeking, 10) == ("127.0.0.1", 6000)


@pytest.mark.parametrize("name", [LONGEST_RECORD, LONGEST_RECORD + "X" * 10], ids=len)
async def test_a_long_name_is_found(port: int, name: str) -> None:
    """caproto refuses it; sswd serves records of 60 characters, others longer ones."""
    await searched_and_found(name, port)


@pytest.mark.parametrize(
    ("key", "more"),
    [("EPICS_CA_ADDR_LIST", "127.0.0.1"), ("EPICS_CA_NAME_SERVERS", "")],
)
async def test_what_can_be_no_host_keeps_nobody_from_searching(
    port: int, monkeypatch: pytest.MonkeyPatch, key: str, more: str
) -> None:
    monkeypatch.setenv(key, f"10.0.0..7 {more}")
    await searched_and_found("X:Y", port)
    with pytest.raises(NotFoundError, match=f"not found.*{NO_HOST}.*sswd doctor"):
        await ask.get("X:Y", 0.1, as_number=False)


async def test_a_name_that_no_search_has_room_for(port: int) -> None:
    with pytest.raises(NotFoundError, match="it has 1025 characters, and a search"):
        await ask.get("X" * 1025, 0.1, as_number=False)
