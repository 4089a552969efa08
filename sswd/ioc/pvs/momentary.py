"""`momentary()`: a PV that acts when it is put, such as ABORT and WORKER:RESTART."""

from typing import Any

from caproto.server import pvproperty

from sswd.ioc.pvs.declared import Enum

_STRINGS = ("Ready", "Act")


def momentary(doc: str) -> Any:
    """An enum that acts when something other than 0 is put, and reads back 0."""
    return pvproperty(
        value=_STRINGS[0], enum_strings=list(_STRINGS), record="bo", doc=doc, dtype=Enum
    )


def is_act(value: object) -> bool:
    """Whether a put to a momentary PV means it: anything but 0 and its string."""
    return value not in (0, "0", _STRINGS[0])
