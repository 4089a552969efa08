"""The worker's side of the shared memory: large arrays are copied straight into it.

Threading model: any thread may post, signal handlers too; `_lock` guards the list of
free slots.
"""

import mmap
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from sswd.pipe.codec import LARGE, SlotRef
from sswd.pipe.worker_spec import Slots


class SlotWriter:
    """Hands out free slots; None where there is no memfd or no free slot."""

    def __init__(self, slots: dict[str, Slots], fd: int | None) -> None:
        self._lock = threading.RLock()
        self._slots = slots if fd is not None else {}
        self._free = {pv: [*range(s.count)] for pv, s in self._slots.items()}
        self._pv_of = {
            s.first + i: (pv, i)
            for pv, s in self._slots.items()
            for i in range(s.count)
        }
        if fd is not None:
            self._memory = np.frombuffer(mmap.mmap(fd, 0), np.uint8)

    def put(self, pv: str, array: npt.NDArray[Any]) -> SlotRef | None:
        """Copy `array` into a free slot of `pv`."""
        slots = self._slots.get(pv)
        if slots is None or not LARGE <= array.nbytes <= slots.size:
            return None
        if array.dtype.kind not in "biuf":
            return None
        with self._lock:
            free = self._free[pv]
            if not free:
                return None
            number = free.pop()
        ref = SlotRef(slots.first + number, array.dtype.str, array.shape)
        self._write(slots, number, array)
        return ref

    def put_over(self, ref: SlotRef, array: npt.NDArray[Any]) -> SlotRef | None:
        """Copy `array` over one that is not sent yet; None when it does not fit."""
        pv, number = self._pv_of[ref.slot]
        slots = self._slots[pv]
        if array.dtype.kind not in "biuf" or not LARGE <= array.nbytes <= slots.size:
            return None
        self._write(slots, number, array)
        return SlotRef(ref.slot, array.dtype.str, array.shape)

    def free(self, slot: int) -> None:
        """The IOC, or a newer value of another kind, does not need it any more."""
        pv, number = self._pv_of[slot]
        with self._lock:
            self._free[pv].append(number)

    def _write(self, slots: Slots, number: int, array: npt.NDArray[Any]) -> None:
        start = slots.offset + number * slots.size
        there = self._memory[start : start + array.nbytes].view(array.dtype)
        np.copyto(there.reshape(array.shape), array)
