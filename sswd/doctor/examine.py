"""Collects the evidence about a PV.

Threading model: everything on one event loop, but for what asks the daemons before.
"""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Iterator

from msgspec.structs import replace

from sswd.doctor import host, reach
from sswd.doctor.evidence import (
    REPEATER_PORT,
    Asked,
    Evidence,
    Kind,
    Reached,
    Server,
)
from sswd.doctor.search import search
from sswd.ioc.client.addresses import interfaces, listed
from sswd.ioc.client.name_server import name_servers


def examine(pv: str, wait_s: float) -> Evidence:
    """All that can be found out within a few times `wait_s`; "" for no PV."""
    env = {k: v for k, v in os.environ.items() if k.startswith("EPICS_")}
    found = Evidence(
        pv=pv,
        waited_s=wait_s,
        env=env,
        interfaces=interfaces(),
        daemons=host.daemons(pv),
    )
    repeaters = host.udp_sockets(found.port("EPICS_CA_REPEATER_PORT", REPEATER_PORT))
    found = replace(
        found,
        udp_sockets=host.udp_sockets(found.ca_port) or {},
        has_repeater=None if repeaters is None else bool(repeaters),
    )
    return asyncio.run(_searched(found))


async def _searched(found: Evidence) -> Evidence:
    asked = await search(found.pv, list(_addresses(found)), found.waited_s)
    asked = list(await asyncio.gather(*(_by_tcp(found, each) for each in asked)))
    found = replace(found, asked=tuple(asked))
    if not found.pv:
        return found
    ways = (reach.by_channel(found.pv, server) for server in found.servers)
    reached: list[Reached] = list(await asyncio.gather(*ways))
    return replace(found, reached=tuple(reached))


async def _by_tcp(found: Evidence, asked: Asked) -> Asked:
    """A name server; or the TCP side of a host that does not answer by UDP."""
    if asked.ip is None or asked.answers or not found.pv:
        return asked
    server = Server(asked.ip, asked.port)
    if asked.kind == "name server":
        tcp, names = await reach.by_name(found.pv, server)
        answers = () if names is None else (names,)
        return replace(asked, tcp=tcp, answers=answers)
    if asked.kind == "unicast":
        tcp, _ = await reach.by_name(found.pv, server)
        return replace(asked, tcp=tcp)
    return asked


def _addresses(found: Evidence) -> Iterator[Asked]:
    """The search of the environment, as libca does it."""
    broadcasts = {broadcast for _, _, broadcast in found.interfaces if broadcast}
    for name, port in listed(found.env, broadcasts):
        ip = _ip(name)
        yield Asked(host=name, port=port, ip=ip, kind=_kind(ip, broadcasts))
    for text in name_servers():
        name, _, given = text.rpartition(":")
        yield Asked(host=name, port=int(given), ip=_ip(name), kind="name server")


def _kind(ip: str | None, broadcasts: set[str]) -> Kind:
    if ip is None:
        return "unicast"
    if ip in broadcasts or ip == "255.255.255.255":
        return "broadcast"
    return "multicast" if ipaddress.IPv4Address(ip).is_multicast else "unicast"


def _ip(name: str) -> str | None:
    try:
        return socket.gethostbyname(name)
    except (OSError, UnicodeError):  # the latter: 10.0.0..7
        return None
