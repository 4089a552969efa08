"""The loop's side of the up door: updates published in portions, messages dispatched.

At most TURN_UPDATES updates, one large array or TURN_S a portion, the rest by
call_soon, so that clients' requests get through between. Messages of other runs than
the active and the standby are dropped: nothing from a dead run reaches a PV.

Threading model: the loop's own.
"""

import asyncio
import logging
import time
from typing import Any, Protocol

from sswd.alarm import NO_ALARM
from sswd.ioc import ca
from sswd.ioc.commands.dispatcher import CommandDispatcher
from sswd.ioc.process.bridge import Gone
from sswd.ioc.process.queues import EventfdQueue
from sswd.ioc.process.run import Run
from sswd.ioc.pvs.publisher import Publisher
from sswd.pipe.codec import credits_of
from sswd.pipe.protocol import Finished, Grant, Message, Post, Update

log = logging.getLogger("sswd.ioc")

TURN_UPDATES = 128
TURN_S = 0.001
"""Arrays below the large ones take 20 to 100 us each."""
GRANT_AT = 4
"""Credits owed before they are returned, in one Grant."""


class Listener(Protocol):
    """Who hears what is no post: the supervisor."""

    def is_active(self, run: Run) -> bool: ...
    def on_message(self, run: Run, message: Message) -> None: ...
    def gone(self, run: Run, gone: Gone) -> None: ...


def _ends_command(item: Any) -> bool:
    return isinstance(item, tuple) and isinstance(item[1], Finished)


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
    """Drains the up door of one system."""

    def __init__(
        self,
        door: EventfdQueue,
        publisher: Publisher,
        dispatcher: CommandDispatcher,
        listener: Listener,
    ) -> None:
        self._queue = door
        self._publisher = publisher
        self._dispatcher = dispatcher
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._flusher = ca.flusher()
        self._batch: _Batch | None = None
        self._owed = 0
        self._is_scheduled = False
        self.published = 0
        self.took_s = 0.0
        """Updates published, and the seconds spent here; for the statistics."""
        self._loop.add_reader(door.fileno(), self._wake)
        door.listener = self._on_items

    def close(self) -> None:
        """Stop listening."""
        self._queue.listener = None
        self._loop.remove_reader(self._queue.fileno())

    def _on_items(self) -> None:
        if not self._is_scheduled:
            self._turn()

    def _wake(self) -> None:
        """Somebody who is not on the loop has put something into the door."""
        self._queue.clear_event()
        self._on_items()

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
            elif not len(self._queue):
                return
            elif left < TURN_UPDATES and self._queue.next_is(_ends_command):
                break  # clients get what was posted before we tell of the end
            else:
                self._open(self._queue.take())
        self._go_on()

    def _go_on(self) -> None:
        self._is_scheduled = True
        self._loop.call_soon(self._later)

    def _open(self, item: Any) -> None:
        """Begin with one item: (run, message) of a bridge, or {pv: value} by hand."""
        if type(item) is not tuple:
            by_hand = [Update(str(pv), value, 0.0) for pv, value in item.items()]
            self._batch = _Batch(None, by_hand)
            return
        run, message = item
        if isinstance(message, Gone):
            self._listener.gone(run, message)
        elif isinstance(message, (Post, Finished)) and self._listener.is_active(run):
            self._batch = self._batch_of(run, message)
        else:
            self._listener.on_message(run, message)

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
        while batch.next < end and time.perf_counter() < until_s:
            update = batch.updates[batch.next]
            batch.next += 1  # before: what fails is not tried for ever
            self.published += 1
            self._publish_one(update)
        took = batch.next - start
        if batch.next == whole:
            self._batch = None
            self._close_batch(batch)
        return left if batch.cost > 1 else max(took, 1)

    def _publish_one(self, update: Update) -> None:
        pv = update.pv
        if update.keeps_value:
            self._publisher.driver_says(pv, update.alarm or NO_ALARM)
            return
        published = self._publisher.publish(
            pv, update.value, update.stamp_s or None, update.alarm
        )
        if pv == "ACK" and published is not None:
            self._dispatcher.acknowledged(published)

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
            self._owed += batch.cost
            if self._owed >= GRANT_AT:
                batch.run.order(Grant(self._owed))
                self._owed = 0

    def new_run(self) -> None:
        """Credits owed to a dead run are owed to nobody."""
        self._owed = 0
