"""Which systems of a configuration run on this host. Pure."""

from fnmatch import fnmatchcase

from msgspec.structs import replace

from sswd.config.keys import Config, SystemConfig
from sswd.errors import ConfigError


def for_host(config: Config, host: str, origin: str) -> Config:
    """The configuration without systems that are disabled or belong to other hosts.

    `host` is the host's name, with or without its domain. Raises ConfigError when
    nothing is left: a daemon that serves nothing would look well.
    """
    systems = {
        name: system for name, system in config.system.items() if runs_on(system, host)
    }
    if systems:
        return replace(config, system=systems)
    reasons = "; ".join(_reason(n, s) for n, s in config.system.items())
    raise ConfigError(f"{origin}: no system runs on host {host!r}: {reasons}")


def runs_on(system: SystemConfig, host: str) -> bool:
    """Whether this system is enabled and meant for this host."""
    short = host.partition(".")[0].lower()
    names = (host.lower(), short)
    return system.enabled and (
        not system.hosts
        or any(fnmatchcase(n, p.lower()) for p in system.hosts for n in names)
    )


def _reason(name: str, system: SystemConfig) -> str:
    if not system.enabled:
        return f"{name} is not enabled"
    return f"{name} has hosts = [{', '.join(system.hosts)}]"
