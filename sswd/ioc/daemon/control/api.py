"""What the control socket may use of the daemon, as one plain object."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time

from sswd.ioc.ca import Context, Data
from sswd.ioc.daemon.access import AccessControl
from sswd.ioc.daemon.control.log_ring import LogRing
from sswd.ioc.daemon.reload import Reloaded
from sswd.ioc.daemon.statistics import Statistics
from sswd.ioc.process.forkserver import ForkServer
from sswd.ioc.template import Server
from sswd.version import __version__


@dataclass(frozen=True)
class DaemonApi:
    """Made by service.py, on the loop."""

    prefixes: Sequence[str]
    """Of the daemon, then of each system."""
    file: Path | None
    """The configuration; None: a class was named."""
    servers: Sequence[Server]
    context: Context
    pvdb: Mapping[str, Data]
    statistics: Statistics
    log_ring: LogRing
    access: AccessControl
    forkserver: ForkServer
    folders: Mapping[str, Path]
    """Where the configuration wants files, by what they hold."""
    reload: Callable[[], Awaitable[Reloaded]]
    """As SIGHUP does."""
    last_reload: Callable[[], Reloaded]
    """What it led to."""
    version: str = __version__
    """sswd's own."""
    root_level: int = field(default_factory=lambda: logging.root.level)
    """Of the root logger, as it was at the start."""
    started: float = field(default_factory=time)
    """Seconds since 1970."""
    started_s: float = field(default_factory=monotonic)
