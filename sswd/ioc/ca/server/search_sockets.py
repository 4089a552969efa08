"""The UDP sockets that take searches, as EPICS base's: shared with other servers.

A socket that is bound to the address of an interface gets no broadcast, so such an
interface has a second one, bound to its broadcast address. Multicast addresses of
EPICS_CAS_INTF_ADDR_LIST are groups to join. Broadcasts and multicasts reach every
server of the host; what is sent to the host's own address reaches one of those that
share the port, which the kernel chooses.
"""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Iterable

import caproto
import psutil

from sswd.errors import PortTakenError
from sswd.ioc.ca.server.ports import refuse_for_good
from sswd.ioc.ca.server.udp import DatagramQueue

logger = logging.getLogger(__name__)

ANY = "0.0.0.0"  # noqa: S104 - compared and joined with; the user says what is bound


def split_groups(addresses: Iterable[str]) -> tuple[list[str], list[str]]:
    """(interfaces, multicast groups) of EPICS_CAS_INTF_ADDR_LIST. Pure.

    Without any interface, all: a list of groups alone adds to what is served.
    """
    interfaces: list[str] = []
    groups: list[str] = []
    for address in addresses:
        (groups if _is_group(address) else interfaces).append(address)
    return interfaces or [ANY], groups


def _is_group(address: str) -> bool:
    try:
        return ipaddress.IPv4Address(address).is_multicast
    except ValueError:
        return False  # a host name


def broadcast_of(interface: str) -> str | None:
    """The broadcast address of the interface with this address; None: it has none."""
    for addresses in psutil.net_if_addrs().values():
        for found in addresses:
            is_it = found.family == socket.AF_INET and found.address == interface
            if is_it and found.netmask:
                network = ipaddress.IPv4Network((interface, found.netmask), False)
                has_one = network.prefixlen < 31  # point to point has none
                return str(network.broadcast_address) if has_one else None
    return None


def check_shareable(interfaces: Iterable[str], port: int) -> None:
    """Raises PortTakenError when a program holds the UDP port for itself alone, or an
    interface is not there."""
    for interface in interfaces:
        with caproto.bcast_socket() as sock:
            try:
                sock.bind((interface, port))
            except OSError as error:
                refuse_for_good(interface, error)
                if error.errno != errno.EADDRINUSE:
                    raise
                raise PortTakenError(
                    f"cannot take searches on UDP port {port}: "
                    f"{os.strerror(error.errno)}; a program that does not share it "
                    "holds it: stop that or set another port"
                ) from error


class SearchListeners:
    """Receives broadcasts and multicasts into `queue`. Loop thread only.

    Answers go out by the sockets of the interfaces.
    """

    def __init__(self, queue: DatagramQueue) -> None:
        self._queue = queue
        self._transports: list[asyncio.DatagramTransport] = []

    async def open(
        self, interfaces: Iterable[str], groups: Iterable[str], port: int
    ) -> None:
        """Listen until `close`. An address that cannot be had is told and left out."""
        for interface in interfaces:
            if interface != ANY and (broadcast := broadcast_of(interface)):
                await self._listen(broadcast, port, None)
            for group in groups:
                await self._listen(group, port, interface)

    def close(self) -> None:
        """Close the sockets."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    async def _listen(self, address: str, port: int, member: str | None) -> None:
        """`member`: the interface by which the group `address` is joined."""
        sock: socket.socket = caproto.bcast_socket()
        try:
            sock.setblocking(False)
            sock.bind((address, port))
            if member is not None:
                joined = socket.inet_aton(address) + socket.inet_aton(member)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Receiver(self._queue, address), sock=sock
            )
        except OSError as error:
            with contextlib.suppress(OSError):
                sock.close()
            text = "no searches by way of %s, UDP port %d: %s"
            logger.warning(text, address, port, error.strerror or error)
        else:
            self._transports.append(transport)


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, queue: DatagramQueue, address: str) -> None:
        self._queue = queue
        self._address = address

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data:
            self._queue.put((self._address, data, addr))

    def error_received(self, exc: Exception) -> None:
        self._queue.put((self._address, exc, None))
