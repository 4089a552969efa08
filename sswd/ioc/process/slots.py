"""Shared memory for large arrays: made, sized and owned by the IOC, one memfd a run.

A worker writes an array of 1 MiB and more into a free slot and posts where it lies; the
IOC serves a read-only view and frees the slot when nobody holds the view any more: the
PV has another value and the last client's send has drained.

A memfd needs no /dev/shm, leaks nothing however the two die, and is sealed against
resizing, so that a worker cannot make the IOC's reads fault. All its memory is had
before the system begins; where there is not enough, arrays go through the stream, and
that is told.

Threading model: the loop makes it and calls `view` and `is_short`; `allocate` is for
the bridge's thread, because 250 MiB take 200 ms; a slot may be freed by any thread that
drops the last reference.
"""

import fcntl
import logging
import mmap
import os
import weakref
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from sswd.config.companions import with_companions
from sswd.config.keys import PvConfig
from sswd.pipe.codec import LARGE, SlotRef, array_size
from sswd.pipe.worker_spec import Slots

log = logging.getLogger("sswd.ioc")

COUNT = 5
"""Slots a PV: its value, one still being sent, two on their way, one being written."""
HELD = 2
"""What of that the IOC may hold before clients' queues must copy."""
SLOT_BYTES = dict(
    **dict.fromkeys(("float", "int", "int64"), 8),
    **dict.fromkeys(("int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bytes"), 1),
    float32=4,
)
"""Of an element in the shared memory, by the type of its PV."""
_PAGE = mmap.PAGESIZE
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def slot_sizes(pvs: Mapping[str, PvConfig]) -> dict[str, int]:
    """Bytes that each array PV holds at most. 8 for a float or int, whatever dtype is
    posted; those that name their size are posted in it."""
    return {
        name: pv.capacity * SLOT_BYTES[pv.type]
        for name, pv in with_companions(pvs).items()
        if pv.type in SLOT_BYTES
    }


def layout(sizes: Mapping[str, int]) -> dict[str, Slots]:
    """Slots for PVs that hold so many bytes; those below 1 MiB need none."""
    slots: dict[str, Slots] = {}
    first = offset = 0
    for pv, size in sizes.items():
        if size >= LARGE:
            room = size + -size % _PAGE
            slots[pv] = Slots(first, offset, room, COUNT)
            first, offset = first + COUNT, offset + room * COUNT
    return slots


def _tell_nobody(_slot: int) -> None:
    """No worker is told of free slots."""


class SharedMemory:
    """The memfd of one run."""

    def __init__(self, slots: dict[str, Slots]) -> None:
        """Raises OSError when the memory is not to be had."""
        self.slots = slots
        self._by_number = {
            s.first + i: (s.offset + i * s.size, s.size)
            for s in slots.values()
            for i in range(s.count)
        }
        self._size = sum(s.size * s.count for s in slots.values())
        self._held: set[int] = set()
        self.fd = os.memfd_create("sswd", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.fd, self._size)
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEALS)
            self._memory: mmap.mmap | None = mmap.mmap(
                self.fd, self._size, prot=mmap.PROT_READ
            )
        except OSError:
            os.close(self.fd)
            raise
        self.on_free: Callable[[int], None] = _tell_nobody

    def allocate(self) -> None:
        """Have all its pages, or raise OSError; until then it must not be used."""
        os.posix_fallocate(self.fd, 0, self._size)

    @property
    def is_short(self) -> bool:
        """Whether so many slots of a PV are held here that the worker soon has none."""
        held = self._held.copy()
        return any(
            sum(s.first <= n < s.first + s.count for n in held) > HELD
            for s in self.slots.values()
        )

    def view(self, ref: SlotRef) -> npt.NDArray[np.number]:
        """The array in a slot, read-only, without a copy. Raises ValueError."""
        dtype, size = array_size(ref.dtype, ref.shape)
        offset, room = self._by_number.get(ref.slot, (0, -1))
        if size > room or self._memory is None:
            raise ValueError(f"slot {ref.slot} does not hold {size} bytes")
        array: npt.NDArray[np.number] = np.frombuffer(
            self._memory, dtype, size // dtype.itemsize, offset
        )
        self._held.add(ref.slot)
        # Every further view has this array as its base: numpy follows a chain of
        # bases only as long as they are arrays, and the base of this one is none.
        weakref.finalize(array, self._free, ref.slot)
        return array.reshape(ref.shape)

    def close(self) -> None:
        """The worker is gone; views that clients still wait for stay valid.

        Only they hold the memory from now on. A run and its bridge refer to each other,
        so that what they hold waits for the garbage collector: for a dozen runs of a
        worker that dies again and again, with all their images.
        """
        self.on_free = _tell_nobody
        self._memory = None
        os.close(self.fd)

    def _free(self, slot: int) -> None:
        self._held.discard(slot)
        self.on_free(slot)


def share(slots: dict[str, Slots], name: str) -> SharedMemory | None:
    """Memory for these slots, None when there are none or no memory is to be had."""
    if not slots:
        return None
    try:
        return SharedMemory(slots)
    except OSError as ex:
        tell_missing(slots, name, ex)
        return None


def tell_missing(slots: Mapping[str, Slots], name: str, ex: OSError) -> None:
    """In words: there is no memory for these slots."""
    log.warning(
        "system '%s': no shared memory for %s (%s); arrays go through the pipe, "
        "which is slower",
        name,
        ", ".join(slots),
        ex.strerror or ex,
    )
