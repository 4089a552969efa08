"""How large arrays may be that a worker sends: both sides reckon alike. Pure.

A driver may post what is too long for its PV, and the IOC refuses that in words. What
is larger than any PV of the system could hold in any dtype is not sent at all, and the
IOC takes a frame that announces it for damage.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sswd.pipe.framing import FrameLimits
from sswd.pipe.protocol import MAX_ARRAY

LEAST_ARRAY = 16 << 20
"""Bytes that an array may have whatever the PVs hold."""
MAX_UP_HEAD = 4 << 20
"""Of a message from the worker without its arrays: 1 MiB of texts, or one of them."""
_BODY_ROOM = 2 << 20
"""For the small arrays that travel together, and what pads them."""
_ITEM_BYTES = 8


def array_bytes(known: int, pvs: Mapping[str, Any]) -> int:
    """Bytes of the largest array, where a class declares these PVs beside others."""
    lengths = (keys.get("length") for keys in pvs.values() if isinstance(keys, dict))
    return largest(known, (n for n in lengths if isinstance(n, int)))


def largest(known: int, capacities: Iterable[int]) -> int:
    """Bytes of the largest array of so many elements, or the `known` ones."""
    needed = _ITEM_BYTES * max(capacities, default=0)
    return min(max(known, needed, LEAST_ARRAY), MAX_ARRAY)


def frame_limits(array: int) -> FrameLimits:
    """What a frame of a worker may announce whose largest array has so many bytes."""
    return FrameLimits(head=MAX_UP_HEAD, body=array + _BODY_ROOM)
