"""Takes what the workers of one system send: updates are published in portions.

At most TURN_UPDATES updates, one large array or TURN_S a portion, the rest by
call_soon, so that clients' requests get through between. Messages of other runs than
the active one, the standby and the park routine are dropped: nothing from a dead run
reaches a PV.

The loop reads a run's pipe here, when it is readable. Messages that bridges' threads
have read, and what users put in by hand, come through the queue; what the loop has
read before goes first, so the messages of a run stay in their order.

Threading model: the loop's own.
"""

import asyncio
import functools
import time
from collections import deque
from collections.abc import Mapping

from sswd.alarm import NO_ALARM
from sswd.ioc import ca
from sswd.ioc.commands.dispatcher import CommandDispatcher
from sswd.ioc.process.active_run import ActiveRun
from sswd.ioc.process.bridge import Gone
from sswd.ioc.process.run import PostQueue, Run
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.supervision.worker_events import WorkerEvents
from sswd.pipe.codec import credits_of
from sswd.pipe.plain import plain
from sswd.pipe.protocol import Finished, Grant, Post, Up, Update

FRAME_S = 5.0
"""A frame whose rest has not come by then never will: a worker writes it at once."""
TURN_UPDATES = 128
TURN_S = 0.001
"""Arrays below the large ones take 20 to 100 us each."""
GRANT_AT = 4
"""Credits owed before they are returned, in one Grant."""

_Item = tuple[Run, Up | Gone] | Mapping[str, object]


class _Batch:
    """Updates of one message that are being published, and what follows them."""

    __slots__ = ("cost", "finished", "next", "run", "updates")

    def __init__(self, run: Run | None, updates: list[Update]) -> None:
        self.run = run
        self.updates = updates
        self.next = 0
        self.cost = 0
        self.finished: Finished | None = None


class MessageReceiver:
    """Everything that comes up from the workers of one system."""

    def __init__(
        self,
        queue: PostQueue,
        publisher: Publisher,
        dispatcher: CommandDispatcher,
        active: ActiveRun,
        worker_events: WorkerEvents,
    ) -> None:
        self._queue = queue
        self._publisher = publisher
        self._dispatcher = dispatcher
        self._active = active
        self._worker_events = worker_events
        self._loop = asyncio.get_running_loop()
        self._flusher = ca.flusher()
        self._pending: deque[_Item] = deque()
        self._batch: _Batch | None = None
        self._owed = 0
        self._owed_to: Run | None = None
        self._parts: set[Run] = set()
        """Runs of which a part of a frame is there, and is looked at later."""
        self._is_scheduled = False
        self._is_closed = False
        self.published = 0
        self.took_s = 0.0
        """Updates published, and the seconds spent here; for the statistics."""
        self._loop.add_reader(queue.fileno(), self._on_event)

    def watch(self, run: Run) -> None:
        """Read what this run sends from now on."""
        run.watch(functools.partial(self._on_readable, run))

    def close(self) -> None:
        """Read nothing any more. An undead worker may go on sending."""
        self._is_closed = True
        self._loop.remove_reader(self._queue.fileno())

    def _on_readable(self, run: Run) -> None:
        """The worker has sent something."""
        if self._is_closed:
            run.unwatch()
            return
        if not self._pending and not len(self._queue):  # else the loop is behind
            for message in run.receive():
                self._pending.append((run, message))
            if run.bridge.part is not None and run not in self._parts:
                self._await_rest(run)
        self._on_items()

    def _await_rest(self, run: Run) -> None:
        """Look after FRAME_S whether the frame that has begun is complete."""
        self._parts.add(run)
        self._loop.call_later(FRAME_S, self._look_at_part, run, run.bridge.part)

    def _look_at_part(self, run: Run, part: int | None) -> None:
        self._parts.discard(run)
        if not self._is_closed and not run.bridge.is_up_closed:
            self._on_readable(run)  # we may have been late ourselves
        if part is not None and run.bridge.part == part:
            run.bridge.refuse_part(FRAME_S)

    def _on_event(self) -> None:
        """Another thread, or a user's put by hand, has filled the queue."""
        self._queue.clear_event()
        self._on_items()

    def _on_items(self) -> None:
        if not self._is_scheduled:
            self._turn()

    def _later(self) -> None:
        self._is_scheduled = False
        self._turn()

    def _turn(self) -> None:
        begun_s = time.perf_counter()
        try:
            with self._flusher:
                self._portion(begun_s + TURN_S)
        except BaseException:
            self._go_on()  # the rest must not wait for the next message
            raise
        self.took_s += time.perf_counter() - begun_s

    def _portion(self, until_s: float) -> None:
        left = TURN_UPDATES
        while left > 0 and time.perf_counter() < until_s:
            if self._batch is not None:
                left -= self._publish(self._batch, left, until_s)
            elif not self._has_items():
                return
            elif left < TURN_UPDATES and _ends_command(self._pending[0]):
                break  # clients get what was posted before we tell of the end
            else:
                self._open(self._pending.popleft())
        self._go_on()

    def _has_items(self) -> bool:
        if not self._pending and len(self._queue):
            self._pending.append(self._queue.take())
        return bool(self._pending)

    def _go_on(self) -> None:
        self._is_scheduled = True
        self._loop.call_soon(self._later)

    def _open(self, item: _Item) -> None:
        """Begin with one item: (run, message), or {pv: value} by hand."""
        if not isinstance(item, tuple):
            by_hand = [Update(str(pv), plain(v), 0.0) for pv, v in item.items()]
            self._batch = _Batch(None, by_hand)
            return
        run, message = item
        if isinstance(message, Gone):
            if run is self._owed_to:
                self._owed_to = None  # else its memory would stay until the next run's
            self._worker_events.gone(run, message)
        elif isinstance(message, (Post, Finished)) and run is self._active.run:
            self._batch = self._batch_of(run, message)
        else:
            self._worker_events.on_message(run, message)

    def _batch_of(self, run: Run, message: Post | Finished) -> _Batch:
        if isinstance(message, Post):
            batch = _Batch(run, message.updates)
            batch.cost = credits_of(update.value for update in message.updates)
        else:
            batch = _Batch(run, message.posts)
            batch.finished = message
        return batch

    def _publish(self, batch: _Batch, left: int, until_s: float) -> int:
        """Publish the next updates; how much of the portion they took."""
        start, whole = batch.next, len(batch.updates)
        end = min(start + left, whole)
        publish = self._publisher.publish
        while batch.next < end and time.perf_counter() < until_s:
            update = batch.updates[batch.next]
            batch.next += 1  # before: what fails is not tried for ever
            self.published += 1
            pv, stamp_s, alarm = update.pv, update.stamp_s or None, update.alarm
            if update.keeps_value:
                self._publisher.driver_says(pv, alarm or NO_ALARM, stamp_s)
                continue
            published = publish(pv, update.value, stamp_s, alarm)
            if pv == "ACK" and published is not None:
                self._dispatcher.acknowledged(published)
        took = batch.next - start
        if batch.next == whole:
            self._batch = None
            self._close_batch(batch)
        return left if batch.cost > 1 else max(took, 1)

    def _close_batch(self, batch: _Batch) -> None:
        self._publisher.show_refused()
        if batch.finished is not None:
            if batch.run is not None and batch.run.bridge.has_exited:
                # The next command would be LOST although it never ran.
                self._dispatcher.worker_down("the worker has just ended")
            self._dispatcher.finished(batch.finished.id, batch.finished.failure)
        if batch.run is not None:
            if batch.cost > 1:
                batch.run.make_room()
            self._return_credits(batch.run, batch.cost)

    def _return_credits(self, run: Run, cost: int) -> None:
        if run is not self._owed_to:  # what a dead run paid is owed to nobody
            self._owed_to, self._owed = run, 0
        self._owed += cost
        if self._owed >= GRANT_AT:
            run.order(Grant(self._owed))
            self._owed = 0


def _ends_command(item: _Item) -> bool:
    return isinstance(item, tuple) and isinstance(item[1], Finished)
