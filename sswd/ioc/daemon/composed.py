"""What a configuration serves: the templates of all systems and their PVs."""

import importlib
import sys
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import msgspec
from caproto.server import PVGroup

from sswd.config.keys import Config, MetricsConfig, RecsyncConfig, SystemConfig
from sswd.directories import state_directory
from sswd.errors import ConfigError
from sswd.ioc.ca import Data, Limits
from sswd.ioc.daemon.statistics import Statistics, caproto_statistics
from sswd.ioc.process.forkserver import ForkServer
from sswd.ioc.process.guardian import Guardian
from sswd.ioc.supervision.log_levels import levels_of_workers
from sswd.ioc.template import Server
from sswd.log_file import place_of
from sswd.logs import kept_logging


class Composed(NamedTuple):
    """What a configuration serves; nothing of it runs yet."""

    pvdb: dict[str, Data]
    servers: list[Server]
    statistics: Statistics
    limits: Limits
    guardian: Guardian
    prefixes: list[str]
    """Of the daemon, and of each system."""
    about_ioc: frozenset[str]
    """Names of the PVs that tell of the daemon itself, not of a system."""
    recsync: RecsyncConfig
    metrics: MetricsConfig
    forkserver: ForkServer
    forks: bool
    """Whether a system wants its workers forked."""
    folders: dict[str, Path]
    """Where the configuration wants files, by what they hold."""


def compose(config: Config, folder: Path, unparked: Collection[str] = ()) -> Composed:
    """The PVs and templates of all systems; nothing runs yet.

    The park routines of the systems `unparked` run before their first workers.
    Raises ConfigError (group that cannot be imported, names that collide,
    a file in a home directory that is not known).
    """
    pvdb: dict[str, Data] = {}
    servers = []
    guardian = Guardian()
    forkserver = ForkServer(guardian)
    folders = _folders(config, folder)
    for name, system in config.system.items():
        root, server = _template(name, system, config.prefix + system.prefix, folder)
        server.configure(
            system=system,
            name=name,
            folder=folder,
            guardian=guardian,
            launch=forkserver.launch,
            group=root,
            pvdb=pvdb,
            state_folder=folders["setpoints"],
        )
        server.is_unparked = name in unparked
        server.WORKER.levels = levels_of_workers(config.log.levels)
        servers.append(server)
        _merge(pvdb, root.pvdb, name)
    of_systems = frozenset(pvdb)
    prefix = f"{config.prefix}IOC:"
    _merge(pvdb, caproto_statistics(prefix), "IOC")
    statistics = Statistics(prefix=prefix)
    statistics.publishing = lambda: _published(servers)
    statistics.records = lambda: len(pvdb)
    _merge(pvdb, statistics.pvdb, "IOC")
    limits = Limits(**msgspec.structs.asdict(config.limits))
    prefixes = [config.prefix, *map(config.prefix_of, config.system)]
    return Composed(
        pvdb,
        servers,
        statistics,
        limits,
        guardian,
        prefixes=list(dict.fromkeys(prefixes)),
        about_ioc=frozenset(pvdb) - of_systems,
        recsync=config.recsync,
        metrics=config.metrics,
        forkserver=forkserver,
        forks=any(system.start == "fork" for system in config.system.values()),
        folders=folders,
    )


def _folders(config: Config, folder: Path) -> dict[str, Path]:
    directory = config.state.directory
    kept = state_directory() if directory is None else folder / directory
    found = {"setpoints": kept}
    for holds, key, file in (
        ("the log", "log.file", config.log.file),
        ("the audit log", "audit.file", config.audit.file),
    ):
        if file:
            found[holds] = place_of(file, key).parent
    return found


def _published(servers: list[Server]) -> tuple[int, float]:
    """Posts published by all systems, and the seconds that took."""
    published = [server.published for server in servers]
    return sum(p[0] for p in published), sum(p[1] for p in published)


def _template(
    name: str, system: SystemConfig, prefix: str, folder: Path
) -> tuple[PVGroup, Server]:
    if system.group is None:
        server = Server(prefix, name=name)
        return server, server
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    module, _, class_name = system.group.partition(":")
    try:
        with kept_logging():
            group = getattr(importlib.import_module(module), class_name)
            root = group(prefix=prefix)
    except Exception as ex:
        raise ConfigError(
            f"system.{name}.group: {system.group!r} cannot be made: "
            f"{type(ex).__name__}: {ex}"
        ) from ex
    found = [g for g in root.groups.values() if isinstance(g, Server)]
    if len(found) != 1:
        raise ConfigError(
            f"system.{name}.group: {system.group!r} needs exactly one "
            f"SubGroup(Server), it has {len(found)}"
        )
    return root, found[0]


def _merge(pvdb: dict[str, Data], more: dict[str, Data], name: str) -> None:
    both = sorted(pvdb.keys() & more.keys())
    if both:
        raise ConfigError(
            f"system.{name}: PV {both[0]} exists already; give each system its prefix"
        )
    pvdb.update(more)
