"""Looks, once and in the background, whether another host serves our PVs already.

prefix_lock.py knows this host only. For other hosts sswd can only search as a client
does, and warn: clients would reach one of the two at random.
"""

import asyncio
import logging
from collections.abc import Iterable

import caproto

log = logging.getLogger("sswd.ioc")

WAIT_S = 2.0
ASKS = 3
MAX_NAME = 60
"""Of this length, and longer, caproto refuses to search."""


class _Asker(asyncio.DatagramProtocol):
    """Asks for a few names and collects who answers."""

    def __init__(self, names: list[str], our_port: int) -> None:
        self._names = names
        self._our_port = our_port
        self._broadcaster = caproto.Broadcaster(our_role=caproto.CLIENT)
        self.answers: dict[str, set[str]] = {}

    def ask(self, transport: asyncio.DatagramTransport) -> None:
        requests = [
            caproto.SearchRequest(name, number, caproto.DEFAULT_PROTOCOL_VERSION)
            for number, name in enumerate(self._names)
        ]
        version = caproto.VersionRequest(0, caproto.DEFAULT_PROTOCOL_VERSION)
        for address in caproto.get_client_address_list():
            transport.sendto(self._broadcaster.send(version, *requests), address)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            commands = self._broadcaster.recv(data, addr)
        except (caproto.CaprotoError, ValueError):
            return  # anybody may send us anything
        for command in commands:
            if isinstance(command, caproto.SearchResponse):
                self._note(command, addr[0])

    def _note(self, answer: caproto.SearchResponse, host: str) -> None:
        if answer.port != self._our_port and answer.cid < len(self._names):
            name = self._names[answer.cid]
            self.answers.setdefault(name, set()).add(f"{host}:{answer.port}")

    def error_received(self, exc: Exception) -> None:
        """An unreachable address of the list is the clients' business."""


async def warn_of_duplicates(names: Iterable[str], our_port: int) -> None:
    """Warn of each of our PV names (one a system) that another server answers for.

    `our_port` is our TCP port: answers that name it are taken for our own.
    """
    asker = _Asker([name for name in names if len(name) < MAX_NAME], our_port)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: asker,
        local_addr=("0.0.0.0", 0),  # noqa: S104 (answers come from anywhere)
        allow_broadcast=True,
    )
    try:
        for _ in range(ASKS):
            try:
                asker.ask(transport)
            except OSError as ex:
                log.debug("cannot search for our own PVs: %s", ex)
            await asyncio.sleep(WAIT_S / ASKS)
    finally:
        transport.close()
    for name, servers in asker.answers.items():
        log.warning(
            "PV %s is served elsewhere too, by %s; clients reach one of the two at "
            "random: give one of them another prefix",
            name,
            ", ".join(sorted(servers)),
        )
