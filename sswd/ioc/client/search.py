"""Where a PV of another IOC is served: searched until somebody answers.

By UDP at the addresses of EPICS_CA_ADDR_LIST, and by TCP at EPICS_CA_NAME_SERVERS.
"""

import asyncio
import logging

import caproto

from sswd.ioc.client import addresses, name_server, search_message
from sswd.ioc.client.addresses import Address

log = logging.getLogger("sswd.ioc")

FIRST_S, LONGEST_S = 0.03, 2.0
"""Periods of asking. libca goes up to 5 minutes and waits for beacons; here it is one
small datagram for one PV, and a master that is back must not be waited for."""
NAME_SERVER_S = 5.0
"""A name server that is silent for so long is asked anew."""


async def search(name: str) -> Address:
    """Ask the hosts of the environment for `name` until one answers, for ever.

    Returns host and TCP port. Raises OSError without any network.
    """
    ways = [_by_udp(name)]
    ways += [_by_tcp(server, name) for server in name_server.name_servers()]
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _by_tcp(server: str, name: str) -> Address:
    """Ask one name server until it knows the PV."""
    while True:
        try:
            async with asyncio.timeout(NAME_SERVER_S):
                found = await name_server.ask(server, name)
        except (OSError, TimeoutError, UnicodeError) as error:
            log.debug("search: name server %s: %s", server, error)
        else:
            if found is not None:
                return found
        await asyncio.sleep(LONGEST_S)


async def _by_udp(name: str) -> Address:
    """Ask the hosts of EPICS_CA_ADDR_LIST. Raises OSError without any network."""
    loop = asyncio.get_running_loop()
    question = search_message.question([name])
    sock = caproto.bcast_socket()
    try:
        sock.setblocking(False)
        sock.bind(("", 0))
        transport, answers = await loop.create_datagram_endpoint(
            lambda: _Answers(loop.create_future()), sock=sock
        )
    except BaseException:
        sock.close()
        raise
    try:
        period_s = FIRST_S
        while True:
            for address in await addresses.resolved():
                transport.sendto(question, address)
            await asyncio.wait({answers.found}, timeout=period_s)
            if answers.found.done():
                return answers.found.result()
            period_s = min(2 * period_s, LONGEST_S)
    finally:
        transport.close()


class _Answers(asyncio.DatagramProtocol):
    """Takes the first answer."""

    def __init__(self, found: "asyncio.Future[Address]") -> None:
        self.found = found

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        for place, server in search_message.answers(data, address[0]):
            if place == 0 and not self.found.done():
                self.found.set_result(server)

    def error_received(self, error: Exception) -> None:
        """A host of the list does not listen (ICMP), or there is no route."""
        log.debug("search: %s", error)
