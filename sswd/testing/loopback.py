"""Channel Access on 127.0.0.1, at ports of its own."""

import os
import socket
from collections.abc import Mapping


def free_port() -> int:
    """A port that is free for TCP and UDP on 127.0.0.1 now, as is the next one.

    CA needs two: the server's and the repeater's (beacons). Somebody else may take them
    before you do. Any thread.
    """
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            if port < 65000 and _udp_is_free(port) and _udp_is_free(port + 1):
                return port


def _udp_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def loopback_env(port: int | None = None) -> dict[str, str]:
    """The EPICS variables that keep CA clients and servers on loopback, at `port`.

    `port` is the server's; None: a free one. The repeater's is `port + 1`. Merge them
    into a child's environment, or into os.environ before a client starts. Any thread.
    """
    port = free_port() if port is None else port
    return {
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CAS_SERVER_PORT": str(port),
        "EPICS_CA_REPEATER_PORT": str(port + 1),
        "EPICS_CAS_BEACON_PORT": str(port + 1),
    }


def child_env(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of this process's environment with `env` over it.

    `env` None: a fresh `loopback_env()`. Any thread.
    """
    return {**os.environ, **(loopback_env() if env is None else env)}
