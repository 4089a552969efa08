"""A server that takes connections and does no more, as one that is stopped."""

import asyncio
import socket

import pytest

from sswd.doctor import reach
from sswd.doctor.evidence import Reached, Server


async def test_a_server_that_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "WAIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        server = Server("127.0.0.1", hanging.getsockname()[1])
        told = Reached(server=server, tcp="open", words="no answer in 2 s")
        assert await reach.by_name("X:Y", server) == (told, None)
        assert await reach.by_channel("X:Y", server) == told


async def test_a_server_that_hangs_up() -> None:
    loop = asyncio.get_running_loop()

    async def serve() -> None:
        while True:
            accepted, _ = await loop.sock_accept(listening)
            accepted.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        serving = asyncio.create_task(serve())
        server = Server("127.0.0.1", listening.getsockname()[1])
        reached, _ = await reach.by_name("X:Y", server)
        serving.cancel()
    assert (reached.tcp, reached.serves) == ("open", None)
    # In words of ours or the kernel's, which depend on what comes first.
    assert reached.words
    assert "no answer" not in reached.words
