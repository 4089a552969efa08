"""What a served system may use of its template, as one plain object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from caproto.server import PVGroup

from sswd.config.keys import PvConfig
from sswd.ioc.ca import Data
from sswd.ioc.commands.dispatcher import CommandPvs
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.supervision.worker_pvs import WorkerStatus
from sswd.ioc.system.trigger_pvs import TriggerPvs


@dataclass(frozen=True)
class TemplateApi:
    """Made by template.py, on the loop."""

    prefix: str
    """Of the template's PVs, as clients see it."""
    cmd: Channel
    fed: Mapping[str, Channel]
    """ACK, message and values: what a system may post from the start."""
    commands: CommandPvs
    """The PVs that tell of commands."""
    worker: WorkerStatus
    """The WORKER: PVs."""
    trigger: TriggerPvs | None
    """The TRIGGER: PVs, where a trigger is configured."""
    group: Mapping[str, Channel]
    """PVs of the user's own group, by their name without its prefix."""
    find: Callable[[str], Data | None]
    """Any PV that is served, by its whole name; None: there is none."""
    add_pvs: Callable[[Mapping[str, Channel]], None]
    """Serves more PVs from now on, by whole name."""
    state_folder: Path
    """Where the system's state files are."""
    is_served: Callable[[str], bool]
    """Whether anything in this daemon is served by this whole name."""
    on_declared: Callable[[str, PvConfig], None]
    """Is told of each declared PV that is served, by its name without the prefix."""


def outermost(group: PVGroup) -> PVGroup | None:
    """The user's own group around a template; None: it stands alone."""
    around = group.parent
    while around is not None and around.parent is not None:
        around = around.parent
    return around


def pvs_of(group: PVGroup | None, but: Mapping[str, object]) -> dict[str, Channel]:
    """The PVs of a group, without its prefix and without those in `but`."""
    if group is None:
        return {}
    return {
        pvname.removeprefix(group.prefix): channel
        for pvname, channel in group.pvdb.items()
        if pvname not in but
    }
