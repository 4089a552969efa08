"""A server in the test's own loop, and a raw CA client to speak to it byte by byte."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sswd.ioc.ca import Context, Limits
from sswd.testing import free_port

sys.path.insert(0, str(Path(__file__).parent))  # for ca_raw, in tests as well
from ca_raw import RawClient


@pytest.fixture
def serving():
    """`async with serving(pvdb, limits) as context:` a Context open to clients."""
    return _serving


@contextlib.asynccontextmanager
async def _serving(pvdb, limits=None, **run):
    """A running Context at the port of the environment, connectable."""
    context = Context(pvdb, limits=limits or Limits())
    task = asyncio.create_task(context.run(**run))
    try:
        async with asyncio.timeout(10):
            while not _is_open(context):
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
        yield context
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


def _is_open(context: Context) -> bool:
    """Whether it lets a client connect."""
    if not context.port:
        return False
    try:
        socket.create_connection(("127.0.0.1", context.port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def port(monkeypatch) -> int:
    """A port of this test's own."""
    port = free_port()
    monkeypatch.setenv("EPICS_CA_SERVER_PORT", str(port))
    monkeypatch.setenv("EPICS_CAS_SERVER_PORT", str(port))
    return port


@pytest.fixture
async def raw(port) -> AsyncIterator:
    """`await raw()` gives a connected RawClient; all are closed at the end."""
    clients = []

    async def connect(**options) -> RawClient:
        client = RawClient(**options)
        clients.append(client)  # before: it may be refused
        await client.connect(port)
        return client

    yield connect
    for client in clients:
        client.close()
