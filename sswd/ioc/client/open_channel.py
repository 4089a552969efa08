"""One channel for one question: found and connected within a time, or told in words.

Threading model: everything on one event loop.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import caproto

from sswd.errors import NotFoundError, RemoteLost
from sswd.ioc.client import addresses, environment, name_server
from sswd.ioc.client.addresses import Address
from sswd.ioc.client.search import search
from sswd.ioc.client.session import Hooks, Session, connected


@contextlib.asynccontextmanager
async def open_channel(name: str, wait_s: float) -> AsyncIterator[Session]:
    """The channel of a PV, which is closed after the block.

    Raises NotFoundError when no server answers within `wait_s`, or the environment
    names no ports; RemoteLost when one
    does and cannot be reached then. Futures of a session whose server is lost raise
    RemoteLost.
    """
    environment.check(name)
    try:
        async with asyncio.timeout(wait_s):
            address = await search(name)
    except TimeoutError:
        raise NotFoundError(not_found_words(name, wait_s)) from None
    async with open_at(name, address, wait_s) as session:
        yield session


@contextlib.asynccontextmanager
async def open_at(name: str, address: Address, wait_s: float) -> AsyncIterator[Session]:
    """The channel of a PV at a server, as `open_channel`. Raises RemoteLost."""
    created: asyncio.Future[Session] = asyncio.get_running_loop().create_future()

    def on_created(session: Session) -> None:
        if not created.done():
            created.set_result(session)

    hooks = Hooks(on_created, _no_event)
    try:
        async with connected(name, address, hooks) as (session, reader):
            run = asyncio.ensure_future(_run(session, reader))
            try:
                first: set[asyncio.Future[Session] | asyncio.Future[str]]
                first = {created, run}
                await asyncio.wait(
                    first, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
                )
                if not created.done():
                    words = run.result() if run.done() else "the server does not answer"
                    raise RemoteLost(f"{name}: {words}")
                yield session
            finally:
                run.cancel()
                await asyncio.wait({run})
    except OSError as error:
        host, port = address
        raise RemoteLost(f"{name}: {host}:{port} answers no more: {error}") from None


async def _run(session: Session, reader: asyncio.StreamReader) -> str:
    """Until the server is gone; why, in words. Those who wait are told."""
    try:
        await session.run(reader)
    except (OSError, caproto.CaprotoError, RemoteLost) as error:
        return str(error) or type(error).__name__
    finally:
        session.end()
    return "the server hung up"


def _no_event(_session: Session, _event: caproto.EventAddResponse) -> None:
    """Nobody has subscribed."""


def not_found_words(name: str, wait_s: float) -> str:
    """That no server answered, and where it was asked."""
    hosts = sorted(f"{host}:{port}" for host, port in addresses.here())
    env = os.environ
    told = (
        f"EPICS_CA_ADDR_LIST={env.get('EPICS_CA_ADDR_LIST', '')}",
        f"EPICS_CA_AUTO_ADDR_LIST={env.get('EPICS_CA_AUTO_ADDR_LIST') or 'YES'}",
        f"EPICS_CA_SERVER_PORT={environment.search_port(env)}",
    )
    words = (
        f"{name}: not found: no server answered in {wait_s:g} s; it was searched by "
    )
    words += f"UDP at {', '.join(hosts) or 'no address'} ({', '.join(told)})"
    if servers := name_server.name_servers():
        words += f", and by TCP at the name servers {', '.join(servers)}"
    return f"{words}; `sswd doctor {name}` looks for the cause"
