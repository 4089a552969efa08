"""Which ports this server listens on: EPICS base's rule, and refusals in words."""

import errno
import logging
import os
import random
import socket
from collections.abc import Sequence

from sswd.errors import PortTakenError

logger = logging.getLogger(__name__)

BACKLOG = 512
DYNAMIC_PORTS = range(49152, 65536)
VARIABLES = ("EPICS_CAS_SERVER_PORT", "EPICS_CA_SERVER_PORT")
DEFAULT_PORT = 5064


def wanted_port() -> tuple[int, str | None]:
    """The port to try first and the variable that set it (None: the default)."""
    for name in VARIABLES:
        given = os.environ.get(name, "")
        if given.isdecimal() and 0 < int(given) < 65536:
            return int(given), name
    return DEFAULT_PORT, None


def wanted_words() -> tuple[int, str]:
    """The port to try first, and who has set it."""
    port, variable = wanted_port()
    return port, f"set by {variable}" if variable else "the default"


def refuse_for_good(interface: str, error: OSError) -> None:
    """Raises PortTakenError where no other port would do, by TCP or by UDP.

    An interface may come up later, so this is no wrong configuration.
    """
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        raise PortTakenError(
            f"cannot listen at {interface}, an address of EPICS_CAS_INTF_ADDR_LIST: "
            f"{error.strerror}; no interface of this host has it now"
        ) from error
    if error.errno == errno.EACCES:
        port, which = wanted_words()
        raise PortTakenError(
            f"cannot listen on port {port}, {which}: {error.strerror}; ports below "
            "1024 are for root: set another port"
        ) from error


def listen(
    interfaces: Sequence[str], *, exclusive: bool = False
) -> tuple[int, dict[str, socket.socket]]:
    """Listening non-blocking sockets on one TCP port of all interfaces.

    A taken port means that another server lives on this host: a free one is used, as
    EPICS base does, and clients learn it from the search reply. UDP is shared then.
    `exclusive`: a taken port is an error instead.

    Raises PortTakenError, also for an interface that is not there.
    """
    port, which = wanted_words()
    try:
        return port, _listen_on(interfaces, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        reason = os.strerror(error.errno)
        if exclusive:
            raise PortTakenError(
                f"cannot listen on TCP port {port}, {which}: {reason}; "
                "stop the other server or set another port"
            ) from error
    for other in random.sample(DYNAMIC_PORTS, 200):
        try:
            sockets = _listen_on(interfaces, other)
        except OSError:
            continue
        logger.warning(
            "TCP port %d, %s, is taken (%s); this server uses %d and shares UDP port "
            "%d: a search by broadcast or multicast reaches both servers, one at this "
            "host's own address only one of them; clients with such an address in "
            "EPICS_CA_ADDR_LIST need EPICS_CA_NAME_SERVERS with port %d as well",
            *(port, which, reason, other, port, other),
        )
        return other, sockets
    raise PortTakenError(f"TCP port {port} is taken and 200 other ports as well")


def _listen_on(interfaces: Sequence[str], port: int) -> dict[str, socket.socket]:
    sockets: dict[str, socket.socket] = {}
    try:
        for interface in interfaces:
            sock = sockets[interface] = socket.socket(
                socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
            )
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((interface, port))
            # With SO_REUSEADDR only listen() tells that another server has the port.
            sock.listen(BACKLOG)
    except OSError as error:
        for sock in sockets.values():
            sock.close()
        refuse_for_good(interface, error)
        raise
    return sockets
