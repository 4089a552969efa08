"""What a worker is told of the PVs of its configuration: which handlers it needs. Pure.

Threading model: any.
"""

from collections.abc import Iterable, Mapping

from sswd.config.companions import READBACK
from sswd.config.keys import PvConfig, SystemConfig
from sswd.config.targets import wrapped_kind
from sswd.pipe.worker_spec import PvNames, WrappedPv


def names_of(pvs: Mapping[str, PvConfig], group: Iterable[str] = ()) -> PvNames:
    """The names by what a worker does for them; `group` are those of a user's group,
    which may be put under any name."""
    writable = [name for name, pv in pvs.items() if pv.takes_puts]
    return PvNames(
        forwarded=writable,
        actions=[name for name in writable if pvs[name].type == "action"],
        readbacks=[name for name in [*pvs, *group] if name.endswith(READBACK)],
    )


def wrapped_pvs(config: SystemConfig) -> dict[str, WrappedPv]:
    """What a wrapped driver is told of the PVs; empty for a system of its own."""
    if not wrapped_kind(config.target):
        return {}
    return {
        name: WrappedPv(
            attribute=pv.attribute,
            type=pv.type,
            strings=list(pv.states),
            is_array=pv.is_array,
            is_writable=pv.takes_puts,
            has_readback=pv.readback,
            poll_s=pv.poll_s,
        )
        for name, pv in config.pvs.items()
    }
