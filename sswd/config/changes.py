"""What of a configuration that is read again takes effect at once. Pure."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from msgspec.structs import asdict, replace

from sswd.config.keys import (
    AccessConfig,
    Config,
    MotorConfig,
    PvConfig,
    SystemConfig,
)
from sswd.config.rules import asgs_of

_Named = TypeVar("_Named", PvConfig, MotorConfig)

WITH_A_NEW_RUN = (
    *("target", "args", "env", "cwd", "python", "nice", "cpus"),
    *("ping_s", "ping", "outbox", "start"),
)
APPLIED = ("system", "access")
"""Tables of the whole file that are looked into, or taken as a whole."""
AT_ONCE = ("command", "asg")


def taken(old: Config, new: Config) -> dict[str, SystemConfig]:
    """Systems of `old` of which something can change, as they are to be from now on."""
    found = {}
    for name, system in old.system.items():
        if name not in new.system:
            continue
        given = asdict(new.system[name])
        keys = {key: given[key] for key in (*WITH_A_NEW_RUN, *AT_ONCE)}
        changed = replace(
            system,
            **keys,
            pvs=_with_groups(system.pvs, new.system[name].pvs),
            motors=_with_groups(system.motors, new.system[name].motors),
        )
        if changed != system:
            found[name] = changed
    return found


def _with_groups(
    old: Mapping[str, _Named], new: Mapping[str, _Named]
) -> dict[str, _Named]:
    """What is served stays as it is, but for its access security group."""
    return {
        name: replace(keys, asg=new[name].asg) if name in new else keys
        for name, keys in old.items()
    }


def running(old: Config, new: Config) -> Config:
    """The configuration that runs once `new` was read where `old` ran."""
    return replace(old, system={**old.system, **taken(old, new)}, access=new.access)


def changed_keys(old: Config, new: Config) -> list[str]:
    """Dotted names of what `taken` gives another value."""
    found: list[str] = []
    for name, system in taken(old, new).items():
        path, before = f"system.{name}", old.system[name]
        groups = dict(asgs_of(path, before))
        keys = replace(system, pvs=before.pvs, motors=before.motors)
        found += _different(path, before, keys)
        found += [
            key
            for key, asg in asgs_of(path, system)
            if groups[key] != asg and key != f"{path}.asg"
        ]
    return found


def left(old: Config, new: Config) -> list[str]:
    """Dotted names of what differs and waits for a restart of the daemon."""
    names = sorted(old.system.keys() ^ new.system.keys())
    found = [f"system.{name}" for name in names]
    now = taken(old, new)
    for name, system in old.system.items():
        if name in new.system:
            running = now.get(name, system)
            found += _different(f"system.{name}", running, new.system[name])
    found += [key for key in _different("", old, new) if key not in APPLIED]
    return found


def without_access(config: Config) -> Config:
    """All of it that does not say who may do what."""
    systems = {
        name: replace(
            system,
            asg=None,
            pvs={pv: replace(keys, asg=None) for pv, keys in system.pvs.items()},
            motors={pv: replace(keys, asg=None) for pv, keys in system.motors.items()},
        )
        for name, system in config.system.items()
    }
    return replace(config, access=AccessConfig(), system=systems)


def _different(path: str, one: object, other: object) -> Iterator[str]:
    assert isinstance(one, SystemConfig | Config)
    for key in one.__struct_fields__:
        if getattr(one, key) != getattr(other, key):
            yield f"{path}.{key}".lstrip(".")
