"""Beacons: the CA server's sign of life, without noise where nobody listens."""

import asyncio
import errno
import logging
import socket
import struct

import caproto

from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.shared import Shared

FIRST_PERIOD_S = 0.02
_BEACON = struct.Struct("!HHHHI4s")
RSRV_IS_UP = 13


class Beacons:
    """Sends beacons to the addresses of the environment, ever more slowly.

    A fresh start of the rhythm is what makes clients search again (`restart`).
    """

    def __init__(self, shared: Shared, longest_s: float) -> None:
        """`longest_s` is the period in s that the rhythm slows down to."""
        self._shared = shared
        self._longest_s = longest_s
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        self._again = asyncio.Event()
        self._count = 0

    async def run(self) -> None:
        """Send until cancelled."""
        for address in caproto.get_beacon_address_list():
            self._open(address)
        period_s = FIRST_PERIOD_S
        while True:
            self._send_all()
            self._count += 1
            try:
                async with asyncio.timeout(period_s):
                    await self._again.wait()
            except TimeoutError:
                period_s = min(self._longest_s, period_s * 2)
            else:
                self._again.clear()
                period_s = FIRST_PERIOD_S

    def restart(self) -> None:
        """Begin again with short periods."""
        self._again.set()

    def close(self) -> None:
        """Close the sockets."""
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()

    def _open(self, address: tuple[str, int]) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.connect(address)
        except OSError as error:
            sock.close()
            self._failed(address, error)
        else:
            self._sockets[address] = sock

    def _send_all(self) -> None:
        for address, sock in self._sockets.items():
            own = socket.inet_aton(sock.getsockname()[0])
            beacon = _BEACON.pack(
                RSRV_IS_UP,
                0,
                protocol.MINOR_VERSION,
                self._shared.port,
                self._count,
                own,
            )
            try:
                sock.send(beacon)
            except OSError as error:
                self._failed(address, error)

    def _failed(self, address: tuple[str, int], error: OSError) -> None:
        if error.errno == errno.ECONNREFUSED:
            return  # no CA repeater runs there: normal on a host without clients
        self._shared.limited_log.log(
            logging.WARNING,
            f"beacon {address}",
            "cannot send beacons to %s:%d: %s; set EPICS_CAS_AUTO_BEACON_ADDR_LIST=NO "
            "and EPICS_CAS_BEACON_ADDR_LIST",
            *address,
            error,
        )
