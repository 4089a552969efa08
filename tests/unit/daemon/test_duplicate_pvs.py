"""Another server with our PVs is looked for without keeping the loop waiting."""

import asyncio
import socket

import pytest

from sswd.ioc.daemon import duplicate_pvs
from sswd.testing import loopback_env
from tests.unit.client.search_answer import answer

OURS = 5064


async def test_a_host_name_is_resolved_once_and_not_by_the_sending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    resolved = []

    async def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        resolved.append(host)
        return [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(duplicate_pvs, "WAIT_S", 0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        env = {**loopback_env(), "EPICS_CA_ADDR_LIST": f"ioc7.invalid:{port}"}
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        await duplicate_pvs.warn_of_duplicates(["X:CMD", "Y:CMD"], OURS)
        for _ in range(duplicate_pvs.ASKS):
            data = server.recv(1000)
            assert b"X:CMD\0" in data
            assert b"Y:CMD\0" in data
    assert resolved.count("ioc7.invalid") == 1


def test_what_answers_is_noted_but_ourselves() -> None:
    asker = duplicate_pvs._Asker(["X:CMD", "Y:CMD"], OURS)
    for data in (answer(OURS), answer(6000, place=1), answer(6000, place=2), b"noise"):
        asker.datagram_received(data, ("10.0.0.7", 5064))
    assert asker.answers == {"Y:CMD": {"10.0.0.7:6000"}}
