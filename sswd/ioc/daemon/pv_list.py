"""The PVs that a configuration would serve, as lines for a reader."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from caproto import AccessRights, ChannelType

from sswd.config.companions import with_companions
from sswd.config.keys import Config, PvConfig
from sswd.ioc.ca.caproto_private.data import Data, raw
from sswd.ioc.daemon.composed import compose
from sswd.ioc.motor.channel import make_channel
from sswd.ioc.pvs.declared import declare

_TYPES = {
    ChannelType.DOUBLE: "float",
    ChannelType.FLOAT: "float32",
    ChannelType.LONG: "int",
    ChannelType.INT: "int16",
    ChannelType.ENUM: "enum",
    ChannelType.STRING: "str",
}
_ELEMENTS = ("motor", "action", "int64", "uint16", "int8", "uint8")
"""Types of the configuration that Channel Access has no word for."""


class Row(NamedTuple):
    """One PV; of its texts only the description may be empty."""

    name: str
    type: str
    units: str
    access: str
    description: str
    is_about_ioc: bool
    """Whether it tells of the daemon itself, not of a system."""


def rows(
    config: Config, folder: Path, by_class: Mapping[str, Mapping[str, PvConfig]]
) -> list[Row]:
    """All PVs in the order in which they are made: systems first, statistics last.

    `by_class` holds what each system's class declares; the configuration wins over it.
    Raises ConfigError as `compose` does.
    """
    composed = compose(config, folder)
    pvdb, servers = composed.pvdb, composed.servers
    for server in servers:
        name = server.system_name
        pvs = with_companions({**by_class.get(name, {}), **config.system[name].pvs})
        channels = declare(pvs, prefix=server.prefix, forward=_never)
        pvdb |= {channel.pvname: channel for channel in channels.values()}
        for pv, keys in pvs.items():
            pvdb |= dict.fromkeys(keys.aliases, channels[pv])
        for axis, motor in config.system[name].motors.items():
            pvdb[server.prefix + axis] = make_channel(axis, server.prefix, motor)
    about_ioc = composed.about_ioc
    return [_row(name, data, name in about_ioc) for name, data in pvdb.items()]


async def _never(name: str, value: object) -> None:
    raise AssertionError(f"{name} = {value!r}: a listing serves nothing")


def _row(name: str, data: Data, is_about_ioc: bool) -> Row:
    is_writable = bool(data.check_access("", "") & AccessRights.WRITE)
    metadata = raw(data)
    units = metadata.get("units") or "-"
    states = "|".join(metadata.get("enum_strings", ()))
    description = (vars(data).get("__doc__") or "").split()
    return Row(
        name,
        _type(data),
        units.decode() if isinstance(units, bytes) else units,
        "rw" if is_writable else "ro",
        " ".join([*description, f"({states})"] if states else description),
        is_about_ioc,
    )


def _type(data: Data) -> str:
    element = getattr(data, "element", "")
    if element in _ELEMENTS:
        return element if data.max_length == 1 else f"{element}[{data.max_length}]"
    if data.data_type == ChannelType.CHAR:
        return f"{'text' if data.string_encoding else 'bytes'}[{data.max_length}]"
    word = _TYPES[data.data_type]
    return word if data.max_length == 1 else f"{word}[{data.max_length}]"
