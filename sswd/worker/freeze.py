"""A posted value -> a value of our own that crosses the pipe: a snapshot.

The system may change its list or array right after `io_put`; and what cannot be sent
becomes an Unsendable, so that the IOC refuses, counts and tells it like any other. The
rules are in sswd.pipe.plain, because the IOC applies them to what is put in by hand.
"""

from sswd.pipe.plain import MAX_TEXT, SCALARS, plain_array, sayable
from sswd.pipe.plain import plain as freeze
from sswd.pipe.protocol import MAX_ARRAY
from sswd.sizes import NAME_CHARACTERS

__all__ = [
    "MAX_ARRAY",
    "MAX_TEXT",
    "SCALARS",
    "freeze",
    "plain_array",
    "pv_name",
    "sayable",
]


def pv_name(pv: object) -> str:
    """The name of a PV as it can be sent: a longer one than any PV has is cut, so that
    the IOC refuses it and its words stay short (arguments may have been swapped)."""
    if type(pv) is str and len(pv) <= NAME_CHARACTERS and pv.isascii():
        return pv
    name = sayable(str(pv)[: NAME_CHARACTERS + 1])
    return name if len(name) <= NAME_CHARACTERS else f"{name[:NAME_CHARACTERS]}..."
