"""Which TCP port this server listens on: EPICS base's rule, and a refusal in words."""

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


def listen(interfaces: Sequence[str]) -> tuple[int, dict[str, socket.socket]]:
    """Listening non-blocking sockets on one port of all interfaces.

    A taken port that the environment names is an error. The default port taken means
    another server lives on this host: a free port is used, as EPICS base does, and
    clients learn it from the search reply.

    Raises PortTakenError, or OSError for an interface that does not exist.
    """
    port, variable = wanted_port()
    try:
        return port, _listen_on(interfaces, port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        reason = os.strerror(error.errno)
        if variable is not None:
            raise PortTakenError(
                f"cannot listen on TCP port {port} set by {variable}: {reason}; "
                "stop the other server or set another port"
            ) from error
    for other in random.sample(DYNAMIC_PORTS, 200):
        try:
            sockets = _listen_on(interfaces, other)
        except OSError:
            continue
        logger.warning(
            "the default TCP port %d is taken (%s); this server uses %d, and clients "
            "find it by search as long as both share the UDP port",
            port,
            reason,
            other,
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
    except OSError:
        for sock in sockets.values():
            sock.close()
        raise
    return sockets
