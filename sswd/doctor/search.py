"""Asks for the PV at each address of the search, by UDP, and listens who answers.

Threading model: everything on one event loop.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence

import caproto
from msgspec.structs import replace

from sswd.doctor.evidence import Asked, Server
from sswd.ioc.client.search_message import answers, question

AGAIN_S = (0.0, 0.1, 0.3, 0.7)
"""When a search is sent; half of those for one server may reach another one."""
MORE_S = 0.3
"""So long it is listened for a second server after the first."""
NO_NAME = "sswd:doctor:asks:no:PV"


async def search(pv: str, asked: Sequence[Asked], wait_s: float) -> list[Asked]:
    """`asked` with what came of the search."""
    searches = [_Search(pv or NO_NAME, each) for each in asked]
    loop = asyncio.get_running_loop()
    try:
        for each in searches:
            await each.open()
        until_s = loop.time() + wait_s
        sent = 0
        while loop.time() < until_s:
            passed_s = wait_s - (until_s - loop.time())
            if sent < len(AGAIN_S) and passed_s >= AGAIN_S[sent]:
                for each in searches:
                    each.send()
                sent += 1
            await asyncio.sleep(0.02)
            if sent == len(AGAIN_S) and any(each.answers for each in searches):
                await asyncio.sleep(MORE_S)
                break
        return [each.result() for each in searches]
    finally:
        for each in searches:
            each.close()


class _Search:
    """One address. Two sockets: an answer may come from another address of the host,
    and only a connected socket is told that nothing listens."""

    def __init__(self, pv: str, asked: Asked) -> None:
        self._asked = asked
        self._datagram = question([pv])
        self._transports: list[asyncio.DatagramTransport] = []
        self.answers: set[Server] = set()
        self.error = ""
        self.is_refused = False

    async def open(self) -> None:
        """Make the sockets."""
        ip, port = self._asked.ip, self._asked.port
        if ip is None or self._asked.kind == "name server":
            return
        loop = asyncio.get_running_loop()
        sock: socket.socket = caproto.bcast_socket()
        sock.setblocking(False)
        sock.bind(("", 0))
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Listener(self), sock=sock
            )
            self._transports.append(transport)
            if self._asked.kind == "unicast":
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Listener(self), remote_addr=(ip, port)
                )
                self._transports.append(transport)
        except OSError as error:
            self.error = error.strerror or str(error)

    def send(self) -> None:
        """Ask once."""
        assert self._asked.ip is not None or not self._transports
        for transport, to in zip(
            self._transports, ((self._asked.ip, self._asked.port), None), strict=False
        ):
            with contextlib.suppress(OSError):  # told to the listener
                transport.sendto(self._datagram, to)

    def close(self) -> None:
        """Close the sockets."""
        for transport in self._transports:
            transport.close()

    def result(self) -> Asked:
        """What came of it."""
        return replace(
            self._asked,
            answers=tuple(sorted(self.answers)),
            is_refused=self.is_refused and not self.answers,
            error="" if self.answers else self.error,
        )


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, search: _Search) -> None:
        self._search = search

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for place, server in answers(data, addr[0]):
            if place == 0:
                self._search.answers.add(Server(*server))

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, ConnectionRefusedError):
            self._search.is_refused = True
        else:
            self._search.error = getattr(exc, "strerror", None) or str(exc)
