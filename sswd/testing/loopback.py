"""Channel Access on 127.0.0.1, at ports of its own."""

import itertools
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

_LOWEST = 10_000
_turns = itertools.count(secrets.randbelow(1 << 16))


def free_port() -> int:
    """A port that is free for TCP and UDP on 127.0.0.1 now, as is the next one.

    CA needs two: the server's and the repeater's (beacons). They lie below those that
    the kernel gives to clients, and each process goes on from a place of its own, so
    that hardly anybody takes them before you do. Any thread. Raises OSError when
    there is none.
    """
    room = _first_of_clients() - _LOWEST
    for turn in itertools.islice(_turns, max(0, room // 2)):
        port = _LOWEST + 2 * turn % room
        if _is_free(port, socket.SOCK_STREAM) and all(
            _is_free(each, socket.SOCK_DGRAM) for each in (port, port + 1)
        ):
            return port
    raise OSError(f"no port from {_LOWEST} to {_LOWEST + room} is free on 127.0.0.1")


def _first_of_clients() -> int:
    """The lowest port that the kernel chooses for who does not choose."""
    text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    return int(text.split()[0])


def _is_free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as sock:
        try:
            sock.bind(("127.0.0.1", port))
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
