"""Where a client searches by UDP: EPICS_CA_ADDR_LIST, and the subnets of this host.

As libca does it. `listed` is pure.
"""

import asyncio
import ipaddress
import logging
import os
import socket
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import psutil

from sswd.ioc.client.environment import port_of, search_port

log = logging.getLogger("sswd.ioc")

Address: TypeAlias = tuple[str, int]
"""Host and port."""


def interfaces() -> tuple[tuple[str, str, str], ...]:
    """(name, address, broadcast address or "") of this host."""
    return tuple(
        (name, each.address, _broadcast(each.address, each.netmask))
        for name, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if each.family == socket.AF_INET
    )


def _broadcast(address: str, netmask: str | None) -> str:
    if not netmask:
        return ""
    network = ipaddress.IPv4Network((address, netmask), strict=False)
    return str(network.broadcast_address) if network.prefixlen < 31 else ""


def listed(env: Mapping[str, str], broadcasts: Iterable[str]) -> list[Address]:
    """The addresses of EPICS_CA_ADDR_LIST, as they are written there, and those of
    `broadcasts` unless EPICS_CA_AUTO_ADDR_LIST=NO. What is no port is left out."""
    found: dict[Address, None] = {}
    for text in env.get("EPICS_CA_ADDR_LIST", "").split():
        host, colon, own = text.partition(":")
        if port := port_of(own) if colon else search_port(env):
            found[host, port] = None
    if env.get("EPICS_CA_AUTO_ADDR_LIST", "").upper() != "NO":
        auto = sorted({each for each in broadcasts if not each.startswith("127.")})
        for host in auto or ["127.0.0.1"]:
            found[host, search_port(env)] = None
    return list(found)


def here() -> list[Address]:
    """The addresses of this process's environment."""
    return listed(os.environ, (each for _, _, each in interfaces() if each))


async def resolved() -> list[Address]:
    """The same in numbers, so that no send asks a name server; without those hosts
    that have no address."""
    loop = asyncio.get_running_loop()
    numbers = []
    for host, port in here():
        try:
            found = await loop.getaddrinfo(
                host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
        except (OSError, UnicodeError) as error:  # the latter: 10.0.0..7
            log.debug("search: %s in EPICS_CA_ADDR_LIST: %s", host, error)
        else:
            numbers.append((str(found[0][4][0]), int(found[0][4][1])))
    return numbers
