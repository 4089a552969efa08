"""The PVs of this IOC as RecSync has them. Loop thread only."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sswd.directories import current_directory
from sswd.ioc.ca import Data
from sswd.ioc.daemon.recsync import messages
from sswd.version import __version__

ENVIRONMENT = (
    "EPICS_BASE",
    "TOP",
    "ARCH",
    "IOC",
    "EPICS_CA_ADDR_LIST",
    "EPICS_CA_AUTO_ADDR_LIST",
    "EPICS_CA_MAX_ARRAY_BYTES",
    "PWD",
    "EPICS_HOST_ARCH",
    "IOCNAME",
    "ENGINEER",
    "LOCATION",
)
"""Variables that EPICS's own RecCaster tells."""


@dataclass
class Told:
    """What a RecCeiver was told already, by one connection."""

    numbers: dict[int, int] = field(default_factory=dict)
    """Number of a record, by the id of its channel."""
    names: set[str] = field(default_factory=set)


def infos(
    given: Mapping[str, str], env: Mapping[str, str], *, prefix: str, port: int
) -> dict[str, str]:
    """What is told of the IOC: `given` over the environment over what we know."""
    known = {
        "HOSTNAME": socket.gethostname(),
        "IOCNAME": prefix.rstrip(":") or "sswd",
        "RSRV_SERVER_PORT": str(port),
        "SSWD_VERSION": __version__,
        "PWD": str(current_directory()),
    }
    named = {name: env[name] for name in ENVIRONMENT if env.get(name)}
    return {**known, **named, **given}


def news(pvdb: Mapping[str, Data], told: Told) -> Iterator[bytes]:
    """Messages about what was not told yet, each with what belongs to its record.

    A name of a channel that has one already is an alias.
    """
    for name, data in list(pvdb.items()):
        if name in told.names or "." in name:  # caproto keeps fields there, too
            continue
        told.names.add(name)
        number = told.numbers.get(id(data))
        if number is not None:
            yield messages.add_alias(number, name)
            continue
        number = told.numbers[id(data)] = len(told.numbers) + 1
        parts = [messages.add_record(number, _record_type(data), name)]
        if text := " ".join((vars(data).get("__doc__") or "").split()):
            parts.append(messages.add_info(number, "recordDesc", text))
        yield b"".join(parts)


def _record_type(data: Data) -> str:
    return str(getattr(data, "reported_record_type", "") or "caproto")
