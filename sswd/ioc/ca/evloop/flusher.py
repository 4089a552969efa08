"""When the circuits send: once at the end of a piece of work, not a turn later.

A turn of the loop costs system calls and asyncio's book-keeping, which a command's ACK
on its way to the client need not wait for.
"""

import asyncio
from typing import Protocol
from weakref import WeakKeyDictionary


class Sender(Protocol):
    """What has something to send: a circuit."""

    def flush(self) -> None:
        """Send what the kernel takes."""
        ...

    def keep_copies(self) -> None:
        """Let go of other people's arrays."""
        ...


class Flusher:
    """The circuits of one loop that have something to send. Loop thread only.

    Within `with flusher:` they are flushed when the block ends, else in the next turn.
    """

    __slots__ = ("_due", "_held", "lenders")

    def __init__(self) -> None:
        self._due: list[Sender] = []
        self._held = 0
        self.lenders: set[Sender] = set()
        """Who has views of PVs' own arrays in its queue."""

    def add(self, sender: Sender) -> None:
        """Flush `sender` soon; call once until it is flushed."""
        if not self._due and not self._held:
            asyncio.get_running_loop().call_soon(self._flush)
        self._due.append(sender)

    def keep_copies(self) -> None:
        """Let no queue hold a view of a PV's array any longer: they copy.

        For whoever lends arrays in shared memory and runs short of it.
        """
        for sender in list(self.lenders):
            sender.keep_copies()

    def __enter__(self) -> None:
        self._held += 1

    def __exit__(self, *_: object) -> None:
        self._held -= 1
        if self._due and not self._held:
            self._flush()

    def _flush(self) -> None:
        due, self._due = self._due, []
        for sender in due:
            sender.flush()


# A Flusher may not hold its loop, or neither would ever be let go of.
_flushers: WeakKeyDictionary[asyncio.AbstractEventLoop, Flusher] = WeakKeyDictionary()


def flusher() -> Flusher:
    """The one of the running loop."""
    loop = asyncio.get_running_loop()
    found = _flushers.get(loop)
    if found is None:
        found = _flushers[loop] = Flusher()
    return found
