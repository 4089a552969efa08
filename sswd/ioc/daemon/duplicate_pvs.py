"""Looks, once and in the background, whether another host serves our PVs already.

prefix_lock.py knows this host only. For other hosts sswd can only search as a client
does, and warn: clients would reach one of the two at random.
"""

import asyncio
import logging
from collections.abc import Iterable

from sswd.ioc.client import addresses
from sswd.ioc.client.addresses import Address
from sswd.ioc.client.search_message import answers, question

log = logging.getLogger("sswd.ioc")

WAIT_S = 2.0
ASKS = 3


class _Asker(asyncio.DatagramProtocol):
    """Collects who answers for a few names."""

    def __init__(self, names: list[str], our_port: int) -> None:
        self._names = names
        self._our_port = our_port
        self.answers: dict[str, set[str]] = {}

    def datagram_received(self, data: bytes, addr: Address) -> None:
        for place, (host, port) in answers(data, addr[0]):
            if port != self._our_port and place < len(self._names):
                name = self._names[place]
                self.answers.setdefault(name, set()).add(f"{host}:{port}")

    def error_received(self, exc: Exception) -> None:
        """An unreachable address of the list is the clients' business."""


async def warn_of_duplicates(names: Iterable[str], our_port: int) -> None:
    """Warn of each of our PV names (one a system) that another server answers for.

    `our_port` is our TCP port: answers that name it are taken for our own.
    """
    asked = list(names)
    asker = _Asker(asked, our_port)
    places = await addresses.resolved()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: asker,
        local_addr=("0.0.0.0", 0),  # noqa: S104 (answers come from anywhere)
        allow_broadcast=True,
    )
    try:
        for _ in range(ASKS):
            for place in places:
                transport.sendto(question(asked), place)
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
