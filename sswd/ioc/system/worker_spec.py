"""What a worker is told when it is started, from a system's configuration."""

from collections.abc import Mapping
from pathlib import Path

from sswd.config.companions import with_companions
from sswd.config.keys import SystemConfig
from sswd.ioc.process.pv_names import names_of, wrapped_pvs
from sswd.ioc.process.slots import layout, slot_sizes
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.supervision.monitor import pulse_period_s
from sswd.ioc.system.motors import motor_specs
from sswd.pipe.surroundings import Surroundings
from sswd.pipe.worker_spec import WorkerSpec

CREDITS = 8


def worker_spec(
    name: str,
    config: SystemConfig,
    folder: Path,
    *,
    array_bytes: int,
    group: Mapping[str, Channel],
) -> WorkerSpec:
    """The system's own worker. `group` are PVs of the user's that it may post."""
    restarts = config.on_link_lost == "restart"
    return WorkerSpec(
        name=name,
        target=config.target,
        args=dict(config.args),
        folder=str(folder),
        pulse_s=pulse_period_s(config.restart.stall_s),
        outbox=config.outbox,
        credits=CREDITS,
        array_bytes=array_bytes,
        slots=layout(slot_sizes(config.pvs)),
        ping_s=config.ping_s,
        link_failures=config.link_failures if restarts else None,
        pvs=names_of(with_companions(config.pvs), group),
        inputs=list(config.inputs),
        motors=motor_specs(config.motors),
        surroundings=surroundings(config, folder),
        start=config.start,
        wrapped=wrapped_pvs(config),
        ping=config.ping,
    )


def surroundings(config: SystemConfig, folder: Path) -> Surroundings:
    """Interpreter, variables, directory, niceness and CPUs of a system's workers."""
    return Surroundings(
        env=config.env,
        cwd=None if config.cwd is None else str(folder / config.cwd),
        nice=config.nice,
        cpus=list(config.cpus),
        # Not resolved: a venv is known by the path of the link to its interpreter.
        python=None if config.python is None else str(folder / config.python),
    )
