"""How large arrays may be that a worker sends: both sides reckon alike. Pure.

A driver may post what is too long for its PV, and the IOC refuses that in words. What
is larger than any PV of the system could hold in any dtype is not sent at all, and the
IOC takes a frame that announces it for damage.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sswd.pipe.framing import FrameLimits
from sswd.pipe.protocol import MAX_ARRAY

LEAST_ARRAY = 16 << 20
"""Bytes that an array may have whatever the PVs hold."""
MAX_UP_HEAD = 2 << 20
"""Of a message from the worker without its arrays: 1 MiB of texts, or one of them, or
all PVs of a class."""
_BODY_ROOM = 2 << 20
"""For the small arrays that travel together, and what pads them."""
_ITEM_BYTES = 8


def array_bytes(known: int, pvs: Mapping[str, Any]) -> int:
    """Bytes of the largest array, where a class declares these PVs beside others."""
    given = (keys for keys in pvs.values() if isinstance(keys, dict))
    return largest(known, (n for keys in given for n in _capacities(keys)))


def _capacities(keys: Mapping[str, Any]) -> Iterator[int]:
    """Elements of an array by its length, and of an image by its shape. What is not as
    the configuration has it counts nothing: the IOC will not serve that PV."""
    length, shape = keys.get("length"), keys.get("shape")
    if isinstance(length, int):
        yield length
    if isinstance(shape, list | tuple) and all(isinstance(n, int) for n in shape):
        yield math.prod(shape)


def largest(known: int, capacities: Iterable[int]) -> int:
    """Bytes of the largest array of so many elements, or the `known` ones."""
    needed = _ITEM_BYTES * max(capacities, default=0)
    return min(max(known, needed, LEAST_ARRAY), MAX_ARRAY)


def frame_limits(array: int) -> FrameLimits:
    """What a frame of a worker may announce whose largest array has so many bytes."""
    return FrameLimits(head=MAX_UP_HEAD, body=array + _BODY_ROOM)
