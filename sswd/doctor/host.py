"""What is on this host: sockets at a port, the repeater, daemons of sswd.

Nothing here needs a right that a user has not; what cannot be read is left out.
"""

import contextlib
import os
import socket
import struct
from collections import Counter
from pathlib import Path

from sswd.control.client import AskError, Connection, NoDaemonError, SilentError, hello
from sswd.control.finding import connect
from sswd.control.places import sockets
from sswd.control.protocol import Get, GetStatus, Refused, Told
from sswd.control.status import Status
from sswd.doctor.evidence import HostDaemon

PREFIX = "EPICS_"
UDP_TABLE = Path("/proc/net/udp")


def udp_sockets(port: int, table: Path = UDP_TABLE) -> dict[str, int] | None:
    """How many sockets are bound to a UDP port, by their address.

    None: the kernel does not tell.
    """
    found: Counter[str] = Counter()
    try:
        for line in table.read_text().splitlines()[1:]:
            address, _, number = line.split()[1].partition(":")
            if int(number, 16) == port:
                packed = struct.pack("=I", int(address, 16))
                found[socket.inet_ntoa(packed)] += 1
    except (OSError, ValueError, IndexError):
        return None
    return dict(found)


def daemons(pv: str) -> tuple[HostDaemon, ...]:
    """The daemons of this user, and whether they have the PV."""
    found = []
    for path in sockets():
        with contextlib.suppress(OSError, NoDaemonError, AskError, Refused):
            try:
                with connect(path) as connection:
                    found.append(_daemon(connection, pv))
            except SilentError as error:
                found.append(_silent(path, error))
    return tuple(found)


def _daemon(connection: Connection, pv: str) -> HostDaemon:
    who = hello(connection)
    status: Status | None = None
    for answer in connection.ask(GetStatus()):
        if isinstance(answer, Told):
            status = answer.status
    serves: bool | None = None
    if pv:
        try:
            serves = bool(list(connection.ask(Get(pvs=[pv]))))
        except AskError as error:
            serves = False if error.code == "not found" else None
    return HostDaemon(
        pid=who.pid,
        prefixes=tuple(who.prefixes),
        port=status.ioc.port if status is not None else 0,
        env=_environment(who.pid),
        serves=serves,
        states=tuple(f"{s.name} {s.state}" for s in status.systems) if status else (),
    )


def _silent(path: Path, error: SilentError) -> HostDaemon:
    words = f"{path.name}: {error}"
    return HostDaemon(pid=error.pid or 0, prefixes=(), port=0, silence=words)


def _environment(pid: int) -> dict[str, str]:
    """The EPICS variables with which a process was started."""
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in data.split(b"\0"))
    return {key: value for key, _, value in pairs if key.startswith(PREFIX)}
