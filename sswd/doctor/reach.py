"""Asks a server over TCP whether it is there and has the PV.

Threading model: everything on one event loop.
"""

import asyncio
import os
from typing import Self

from sswd.doctor.evidence import Reached, Server, Tcp
from sswd.ioc.client import name_server

WAIT_S = 2.0
_SILENT = f"no answer in {WAIT_S:g} s"


async def by_name(pv: str, server: Server) -> tuple[Reached, Server | None]:
    """Search by TCP, as a client of a name server does; and whom it names."""
    async with _Connection(pv, server) as connection:
        if connection.circuit is None:
            return connection.reached(), None
        try:
            async with asyncio.timeout(WAIT_S):
                found = await connection.circuit.search()
        except OSError as error:
            return connection.without_answer(error), None
        if found is None:
            return connection.reached(serves=False), None
        host = server.ip
        if found.p1 not in (name_server.ITSELF, 0):
            host = ".".join(map(str, found.p1.to_bytes(4, "big")))
        return connection.reached(serves=True), Server(host, found.dtype)


async def by_channel(pv: str, server: Server) -> Reached:
    """Make the channel at a server that says that it has the PV."""
    async with _Connection(pv, server) as connection:
        if connection.circuit is None:
            return connection.reached()
        try:
            async with asyncio.timeout(WAIT_S):
                made = await connection.circuit.create()
        except OSError as error:
            return connection.without_answer(error)
        if made is None:
            return connection.reached(serves=False)
        return connection.reached(serves=True, dtype=made.dtype, count=made.elements)


class _Connection:
    """A connection, or why there is none."""

    def __init__(self, pv: str, server: Server) -> None:
        self._server = server
        self._open = name_server.circuit(server.ip, server.port, pv)
        self._tcp: Tcp = "open"
        self._words = ""
        self.circuit: name_server.Circuit | None = None

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(WAIT_S):
                self.circuit = await self._open.__aenter__()
        except ConnectionRefusedError:
            self._tcp, self._words = "refused", os.strerror(111)
        except TimeoutError:
            self._tcp, self._words = "silent", _SILENT
        except OSError as error:
            self._tcp, self._words = "unreachable", error.strerror or str(error)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.circuit is not None:
            await self._open.__aexit__(None, None, None)

    def without_answer(self, error: OSError) -> Reached:
        """It was there, and then it was not."""
        is_silent = isinstance(error, TimeoutError)
        self._words = _SILENT if is_silent else error.strerror or str(error)
        return self.reached()

    def reached(
        self, *, serves: bool | None = None, dtype: int = 0, count: int = 0
    ) -> Reached:
        return Reached(
            server=self._server,
            tcp=self._tcp,
            words=self._words,
            serves=serves,
            dtype=dtype,
            count=count,
        )
