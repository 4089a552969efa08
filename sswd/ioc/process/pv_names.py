"""What a worker is told of the PVs of its configuration: which handlers it needs. Pure.

Threading model: any.
"""

from collections.abc import Iterable, Mapping

from sswd.config.companions import READBACK
from sswd.config.keys import PvConfig
from sswd.pipe.worker_spec import PvNames


def names_of(pvs: Mapping[str, PvConfig], group: Iterable[str] = ()) -> PvNames:
    """The names by what a worker does for them; `group` are those of a user's group,
    which may be put under any name."""
    writable = [name for name, pv in pvs.items() if pv.takes_puts]
    return PvNames(
        forwarded=writable,
        actions=[name for name in writable if pvs[name].type == "action"],
        readbacks=[name for name in [*pvs, *group] if name.endswith(READBACK)],
    )
