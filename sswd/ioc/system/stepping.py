"""What the IOC knows of a system that is stepped by a master. Pure.

A system is one of these if it declares the PVs of sequence/step_pvs.py.
"""

from collections.abc import Mapping, Sequence

from sswd.sequence.step_pvs import INDEX, INDEX_RBV, READY

LOOKED_AT = (READY, INDEX_RBV)
"""The PVs whose values `has_stepped` needs."""


def has_stepped(
    pv: str, value: object, told: Mapping[str, object], ready_states: Sequence[str]
) -> bool:
    """Whether a running command is a step that is done, and only its end is on the way.

    A master that was told READY may trigger the next step, which waits for that end.
    `told` are the values of LOOKED_AT, `ready_states` the two strings of READY.
    """
    if pv != INDEX or READY not in told:
        return False
    is_ready = told[READY] not in (0, *ready_states[:1])
    return is_ready and told.get(INDEX_RBV) == value
