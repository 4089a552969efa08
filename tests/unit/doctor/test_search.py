"""The search by UDP: who answers, who refuses."""

import asyncio
import socket

from sswd.doctor.evidence import Asked, Server
from sswd.doctor.search import search
from sswd.testing import free_port
from tests.unit.client.search_answer import answer


def asked(port: int, ip: str | None = "127.0.0.1") -> Asked:
    return Asked(host="a host", port=port, ip=ip)


async def test_a_port_without_a_listener_is_refused() -> None:
    one, two = await search("X", [asked(free_port()), asked(1, ip=None)], 0.3)
    assert (one.is_refused, one.answers) == (True, ())
    assert (two.is_refused, two.answers) == (False, ())


async def test_two_servers_behind_one_address_are_both_heard() -> None:
    """The second one answers a later datagram."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        seeking = asyncio.create_task(search("X", [asked(port)], 10.0))
        for told in (5064, 5065):
            data, client = await asyncio.wait_for(loop.sock_recvfrom(server, 1000), 10)
            assert data.endswith(b"X" + bytes(7))
            await loop.sock_sendto(server, answer(told), client)
        (found,) = await seeking
    assert found.answers == (Server("127.0.0.1", 5064), Server("127.0.0.1", 5065))
