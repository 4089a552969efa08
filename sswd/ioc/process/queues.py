"""The two queues between the bridges and the loop.

They are the asyncio library's ThreadsafeQueue outside (put, get, async_put, async_get)
and a bounded deque with an eventfd inside, because a coroutine per message costs 77 us
and `call_soon_threadsafe` 15 to 30 us more than an eventfd.

Overflow policy: `put` by hand into a full queue raises queue.Full. What a bridge
delivers is bounded by the worker's credits.
"""

import asyncio
import contextlib
import os
import queue
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from caproto.asyncio.utils import AsyncioQueue

from sswd.pipe.protocol import Execute, Restore

BOUND = 4096
_LOOK_S = 0.005

T = TypeVar("T")


class EventfdQueue(AsyncioQueue, Generic[T]):  # type: ignore[misc]
    """A queue whose reader is woken through `fileno()`.

    Threading model: `put` and `take` from any thread. Make it on the loop.
    """

    def __init__(self, bound: int = BOUND) -> None:
        super().__init__(maxsize=bound)
        self._bound = bound
        self._items: deque[T] = deque()
        self._is_woken = False
        self._closing = threading.Lock()
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Readable while items wait; -1: the queue is closed."""
        return self._eventfd

    def __len__(self) -> int:
        return len(self._items)

    def put(self, value: Any) -> None:
        """Append what somebody puts in by hand; queue.Full when `bound` wait."""
        if len(self._items) >= self._bound:
            raise queue.Full
        self.push(value)

    def push(self, item: T) -> None:
        """Append without looking at the bound: the sender is bounded by itself."""
        self._items.append(item)
        self.wake()

    def push_all(self, items: Iterable[T]) -> None:
        """`push` several at once."""
        self._items.extend(items)
        self.wake()

    def append_quietly(self, item: T) -> None:
        """`push` without waking the reader: the caller has it read at once."""
        self._items.append(item)

    def wake(self) -> None:
        """Make `fileno()` readable, once until `clear_event`."""
        if not self._is_woken:
            self._is_woken = True
            with self._closing:  # its number may be somebody else's once it is closed
                if self._eventfd >= 0:
                    os.eventfd_write(self._eventfd, 1)

    def clear_event(self) -> None:
        """The reader is awake. Look for items once more afterwards, or one could be
        overlooked.

        Read first, then lower the flag: a `wake` between the two in the other order
        would be read away while the flag stays up, and nobody would wake us again.
        """
        with self._closing, contextlib.suppress(BlockingIOError):
            if self._eventfd >= 0:
                os.eventfd_read(self._eventfd)
        self._is_woken = False

    def take(self) -> T:
        """The oldest item; IndexError when there is none."""
        return self._items.popleft()

    def clear(self) -> None:
        """Drop what waits."""
        self._items.clear()

    def close(self) -> None:
        """Give the descriptor back. Nobody reads what comes later: the bridge of a
        worker that did not die in time delivers after the end of the IOC."""
        with self._closing:
            if self._eventfd >= 0:
                os.close(self._eventfd)
                self._eventfd = -1

    # -- the rest of ThreadsafeQueue

    async def async_put(self, value: Any) -> None:
        """`put`, for coroutines."""
        self.put(value)

    def get(self) -> T:
        """Wait for an item. Not on the loop's thread."""
        poll = select.poll()
        poll.register(self._eventfd, select.POLLIN)
        while True:
            try:
                return self.take()
            except IndexError:
                poll.poll(1000)
                self.clear_event()

    async def async_get(self) -> T:
        """Wait for an item on the loop."""
        while not self._items:  # noqa: ASYNC110 (for hands only; costs the rest nothing)
            await asyncio.sleep(_LOOK_S)
        return self.take()


class CommandQueue(EventfdQueue[Execute | Restore]):
    """`io_get_queue`: commands on their way to the worker.

    What somebody puts in by hand, `{pv: value}`, goes through the ledger first, for its
    id and its place in the order.
    """

    def __init__(
        self, submit: Callable[[Mapping[str, object]], None], bound: int = BOUND
    ) -> None:
        super().__init__(bound)
        self._submit = submit
        self._by_hand = 0

    def put(self, value: Mapping[str, object]) -> None:
        """Submit a command for every pair. Any thread."""
        if self._by_hand >= self._bound:
            raise queue.Full
        self._by_hand += 1
        self._loop.call_soon_threadsafe(self._submit_by_hand, value)

    def _submit_by_hand(self, value: Mapping[str, object]) -> None:
        self._by_hand -= 1
        self._submit(value)
