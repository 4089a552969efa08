"""Puts on one PV: started in the order in which they arrived.

A put on an ordinary PV starts when the former has ended, so that the newer value wins
whatever the putters wait for. A PV whose ChannelData carries `puts_overlap = True` has
a queue of its own (sswd's command ledger): its putters start at once, in order.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from sswd.ioc.ca.evloop.eager import Coro, start_now
from sswd.ioc.ca.evloop.flusher import flusher

MakePut = Callable[[], Coro]
Done = Callable[[BaseException | None], None]


class PutQueue:
    """The puts on one PV that have not ended. Loop thread only.

    Bound: what the clients may have in flight (Limits.puts_in_flight), refused before.
    """

    __slots__ = ("_running", "_tasks", "_waiting", "overlap")

    def __init__(self) -> None:
        self.overlap = False
        self._waiting: deque[tuple[MakePut, Done]] = deque()
        self._tasks: set[asyncio.Task[object]] = set()
        self._running = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._tasks)

    def add(self, make: MakePut, done: Done) -> None:
        """Start the put now or at its turn; `done(exception)` when it has ended.

        `done` may be called inside this call.
        """
        if self.overlap:
            self._start(make, done)
            return
        self._waiting.append((make, done))
        self._next()

    def cancel(self) -> set[asyncio.Task[object]]:
        """Drop the waiting puts and cancel the running ones, which are returned."""
        self._waiting.clear()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    def _next(self) -> None:
        while self._waiting and not self._running:
            self._running = True
            self._start(*self._waiting.popleft())

    def _start(self, make: MakePut, done: Done) -> None:
        task = start_now(self._run(make, done), asyncio.get_running_loop())
        if task.done():
            self._running = False
            return
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        self._running = False
        self._next()

    @staticmethod
    async def _run(make: MakePut, done: Done) -> None:
        # The end is told from inside the task: a callback of the task would come one
        # turn of the loop later.
        try:
            await make()
        except asyncio.CancelledError as error:
            done(error)
            raise
        except Exception as error:  # noqa: BLE001 - around user code: a putter
            with flusher():
                done(error)
        else:
            with flusher():
                done(None)
