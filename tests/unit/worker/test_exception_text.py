"""A connection that fails says to where, which Python's own words do not."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sswd.worker.exception_text import message_of

PORT = 1  # nobody listens there


def by_create_connection() -> None:
    socket.create_connection(("127.0.0.1", PORT), timeout=1)


def by_connect() -> None:
    with socket.socket() as bare:
        bare.connect(("127.0.0.1", PORT))


def by_asyncio() -> None:
    asyncio.run(_open())


async def _open() -> None:
    await asyncio.open_connection("127.0.0.1", PORT)


def by_file() -> None:
    Path("/nowhere/at/all").read_text()


@pytest.mark.parametrize(
    ("connect", "told"),
    [
        (by_create_connection, "refused (connecting to 127.0.0.1:1)"),
        (by_connect, 'refused (in bare.connect(("127.0.0.1", PORT)))'),
        (by_asyncio, "Connect call failed ('127.0.0.1', 1)"),
        (by_file, "No such file or directory: '/nowhere/at/all'"),
    ],
)
def test_the_address_is_told_once(connect: Callable[[], None], told: str) -> None:
    with pytest.raises(OSError) as caught:
        connect()
    assert message_of(caught.value).endswith(told)
