"""PVs that a PV of the configuration brings along: its readback, its shape. Pure."""

import math
from collections.abc import Mapping, Sized

from msgspec.structs import replace

from sswd.config.keys import PvConfig

READBACK = "_RBV"
WIDTH, HEIGHT, DTYPE = ":WIDTH", ":HEIGHT", ":DTYPE"


def with_companions(pvs: Mapping[str, PvConfig]) -> dict[str, PvConfig]:
    """`pvs` with all companions, each after its PV; a PV that is given stays."""
    found: dict[str, PvConfig] = {}
    for name, pv in pvs.items():
        # The readback is what is posted, so it is what grows old.
        found[name] = replace(pv, stale_s=0.0) if pv.readback else pv
        for suffix, companion in companions(pv).items():
            if name + suffix not in pvs:
                found[name + suffix] = companion
    return found


def companions(pv: PvConfig) -> dict[str, PvConfig]:
    """The companions of one PV, by what follows its name."""
    found = {}
    if pv.readback:
        found[READBACK] = replace(
            pv,
            writable=False,
            readback=False,
            restore=False,
            pending="fifo",
            timeout_s=None,
            attribute="",
            poll_s=None,
            shape=None,
            length=pv.capacity if pv.is_array or pv.type == "bytes" else pv.length,
            aliases=(),
        )
    if pv.shape is not None:
        height, width = pv.shape
        found[WIDTH] = PvConfig(type="int", value=width, description="Width in pixels")
        found[HEIGHT] = PvConfig(
            type="int", value=height, description="Height in pixels"
        )
        found[DTYPE] = PvConfig(
            type="str", value=dtype_name(pv), description="Type of the elements"
        )
    return found


def dtype_name(pv: PvConfig) -> str:
    """What numpy calls the elements of an array."""
    return {"float": "float64", "int": "int32", "bytes": "uint8"}.get(pv.type, pv.type)


def readbacks(pvs: Mapping[str, PvConfig]) -> list[str]:
    """The PVs that have a readback."""
    return [name for name, pv in pvs.items() if pv.readback]


def image_shape(image: object, configured: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a posted image. One of one dimension has the configured shape
    if it has its size; else it is one line."""
    shape = getattr(image, "shape", None)
    if shape is None:
        shape = (len(image) if isinstance(image, Sized) else 1,)
    if len(shape) > 1:
        height = int(shape[0])
        return height, math.prod(shape[1:])
    size = int(shape[0])
    return configured if size == math.prod(configured) else (1, size)


def is_same_kind(one: PvConfig, other: PvConfig) -> bool:
    """Whether one PV can be both: clients keep the type that they found."""
    return kind_words(one) == kind_words(other)


def kind_words(pv: PvConfig) -> str:
    """ "writable uint16[100]"."""
    size = f"[{pv.capacity}]" if pv.capacity > 1 else ""
    return f"{'writable ' if pv.takes_puts else ''}{pv.type}{size}"
