"""What the supervision of one system works on."""

from collections.abc import Callable
from dataclasses import dataclass

from sswd.config.keys import SystemConfig
from sswd.ioc.commands.dispatcher import CommandDispatcher
from sswd.ioc.process.active_run import ActiveRun
from sswd.ioc.process.run import Run
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.supervision.postmortem import Archive
from sswd.ioc.supervision.worker_pvs import WorkerStatus
from sswd.pipe.protocol import LinkPhase, Loaded, Message
from sswd.pipe.worker_spec import WorkerSpec

LaunchRun = Callable[[WorkerSpec], Run]
"""Starts a worker process. Raises OSError when the host has no room for it."""
OnLoaded = Callable[[Loaded, Callable[[], None]], None]
"""The active run has imported its class: serve its PVs, hand back their values, and
call the function that is given, in this turn of the loop or a later one."""

OnReady = Callable[[Run, Callable[[], None]], None]
"""The active run is set up: give it its setpoints, and call the function, now or later;
the worker is RUNNING then."""

OnRequest = Callable[[Message], None]
"""The active run says what concerns its PVs and inputs, but is no post."""


@dataclass(frozen=True)
class SystemParts:
    """All of it is made before the supervisor is, by served_system.py."""

    name: str
    config: SystemConfig
    spec: WorkerSpec
    park_spec: WorkerSpec | None
    """The process that runs the park routine; None: there is no routine."""
    status: WorkerStatus
    """The WORKER: PVs."""
    publisher: Publisher
    dispatcher: CommandDispatcher
    active: ActiveRun
    archive: Archive
    launch: LaunchRun
    on_loaded: OnLoaded
    on_ready: OnReady
    on_link: Callable[[LinkPhase], None]
    """The active run tells of its link."""
    on_request: OnRequest
