"""`momentary()`: a PV that acts when it is put, such as ABORT and WORKER:RESTART."""

from caproto.server import pvproperty

from sswd.config.keys.pv import ACTION_STRINGS
from sswd.ioc.pvs.declared import is_act
from sswd.ioc.pvs.kinds import Enum

__all__ = ["is_act", "momentary"]

_STRINGS = ACTION_STRINGS


def momentary(doc: str) -> pvproperty:
    """An enum that acts when something other than 0 is put, and reads back 0."""
    return pvproperty(
        value=_STRINGS[0], enum_strings=list(_STRINGS), record="bo", doc=doc, dtype=Enum
    )
