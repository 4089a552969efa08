"""Posts on their way to the IOC: bounded, conflating, sent by the posting thread.

Overflow policy: up to `bound` updates are kept in order. Beyond, an update takes the
place of the unsent one of the same PV; the older place, so that `values` posted before
`ACK` is published before it. ACK is never conflated: its poster waits for room.

Arrays of 1 MiB and more always take the place of the unsent one of their PV, after a
little patience.

Credits: a Post message costs one (from `LARGE` bytes of arrays on: four) and the IOC
grants them back as it publishes. Finished, Ready, Pulse, Log and Failed cost none.

Threading model: any thread may post. `_lock` guards the entries; `_write_lock` is held
while taking entries and writing them, so a Finished never overtakes a batch. A thread
that finds the write lock taken leaves: the holder looks again after unlocking. The
posting thread sends by itself, because a helper thread gets the GIL only after 5 ms
while the system computes.

A driver's signal handler or finalizer may post in the middle of a post of the same
thread. So `_lock` can be taken again, and what it guards is right after every step.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sswd.alarm import Alarm
from sswd.pipe.codec import (
    LARGE,
    LARGE_CREDITS,
    SlotRef,
    Unsendable,
    credits_of,
    is_large,
)
from sswd.pipe.framing import FrameWriter
from sswd.pipe.protocol import (
    MAX_ARRAY,
    Failure,
    Finished,
    Log,
    Message,
    Post,
    Update,
)
from sswd.worker.batches import (
    BATCH_BYTES,
    BATCH_UPDATES,
    WEIGHTLESS,
    batches,
    weight,
)
from sswd.worker.forks import end_if_child
from sswd.worker.freeze import SCALARS, freeze, plain_array, pv_name
from sswd.worker.log_queue import LogQueue
from sswd.worker.reading import update_of
from sswd.worker.slots import SlotWriter

Array = npt.NDArray[Any]

MAX_ACKS = 256  # unsent ones, before their poster waits
ACK_WAIT_S = 5.0
READ_BYTES_S = 1e9
PATIENCE_S = 0.02
"""A post of a large array waits for the former one to be sent, as long as a client
takes to read that at so many bytes/s; at most PATIENCE_S."""
LOOK_S = 0.0005


class Outbox:
    """The worker's only way up."""

    def __init__(
        self,
        writer: FrameWriter,
        *,
        bound: int,
        credits: int,
        fetch_grants: Callable[[], None],
        slots: SlotWriter | None = None,
    ) -> None:
        self._writer = writer
        self._slots = slots or SlotWriter({}, None)
        self._bound = bound
        self._credits = credits
        self._fetch_grants = fetch_grants
        self._lock = threading.RLock()
        self._write_lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._entries: deque[Update] = deque()
        self._newest: dict[str, Update] = {}
        self._acks = self.conflated = 0
        self.max_array = MAX_ARRAY
        """Bytes of the largest array that any PV holds; `declare` may raise it."""
        self.in_order = frozenset({"ACK"})
        """PVs that are never conflated; set before the first post."""
        self._notes = LogQueue()

    # -- from any thread

    def post(self, updates: Mapping[str, Any]) -> None:
        """Queue a snapshot of `updates` and send what credits allow.

        A value may be a Reading. Raises ValueError for an alarm or a time in it that
        EPICS does not know; nothing is posted then.
        """
        now_s = time.time()
        for update in [update_of(pv, v, now_s) for pv, v in updates.items()]:
            if type(update.value) in SCALARS:
                self._append(update)
            else:
                self._append_copy(update)
        self.pump()

    def post_alarm(self, pv: str, alarm: Alarm) -> None:
        """Queue a change of what the driver says of a PV, without a new value.

        An unsent value of that PV that may be conflated gets the alarm along.
        """
        name = pv_name(pv)
        with self._lock:
            older = self._newest.get(name)
            if older is not None and len(self._entries) >= self._bound:
                older.alarm = alarm
            else:
                self._append(Update(name, None, time.time(), alarm, keeps_value=True))
        self.pump()

    def free(self, slots: Iterable[int]) -> None:
        """The IOC is done with these slots of the shared memory."""
        for slot in slots:
            self._slots.free(slot)

    def forget_slots(self) -> None:
        """There is no shared memory after all. Before the first post."""
        self._slots = SlotWriter({}, None)

    def note(self, record: Log) -> None:
        """Queue a log record; when too many wait, the oldest is dropped and counted."""
        self._notes.append(record)
        self.pump()

    def grant(self, credits: int) -> None:
        """Add credits; the caller pumps."""
        with self._lock:
            self._credits += credits

    def send(self, message: Message) -> None:
        """Send a message that needs no credit, waiting for the write lock."""
        end_if_child()
        with self._write_lock:
            self._writer.send(message)
        self.pump()  # whoever found the lock taken left its update to us

    def try_send(self, message: Message, *, after_posts: bool = False) -> bool:
        """The same, unless a thread is writing (which tells the IOC as much).

        `after_posts`: after everything that was posted, as `tell`.
        """
        if not self._write_lock.acquire(blocking=False):
            return False
        try:
            if after_posts:
                self._write_after_posts(message)
            else:
                self._writer.send(message)
        finally:
            self._write_lock.release()
        self.pump()
        return True

    def tell(self, message: Message) -> None:
        """Send a message that needs no credit, after everything that was posted."""
        with self._write_lock:
            self._write_after_posts(message)
        self.pump()

    def finish(self, command_id: int, failure: Failure | None) -> None:
        """Send Finished with everything that is still unsent."""
        end_if_child()
        with self._write_lock:
            taken = self._take_all()
            *before, last = batches(taken) if taken else ([],)
            self._notes.send(self._writer)
            for posts in before:
                self._send_on_credit(posts)
            self._writer.send(Finished(command_id, failure, last))
        self.pump()

    def drain(self) -> None:
        """Send everything that waits, credits or not: the last words before exit."""
        end_if_child()
        with self._write_lock:
            taken = self._take_all()
            self._notes.send(self._writer)
            for posts in batches(taken) if taken else ():
                self._send_on_credit(posts)

    def pump(self) -> None:
        """Send while there is something to send and a credit for it."""
        records = self._notes.records
        while records or self._entries:
            if self._credits <= 0:
                self._fetch_grants()
                if self._credits <= 0 and not records:
                    return
            if not self._write_lock.acquire(blocking=False):
                return
            try:
                if records:
                    self._notes.send(self._writer)
                while batch := self._take():
                    self._writer.send(Post(batch))
            finally:
                self._write_lock.release()

    def _write_after_posts(self, message: Message) -> None:
        taken = self._take_all()
        for posts in batches(taken) if taken else ():
            self._send_on_credit(posts)
        self._writer.send(message)

    def _fitting(self, value: Any) -> Any:
        """`value`, or why no PV could hold it: the IOC would take it for damage."""
        if isinstance(value, np.ndarray) and value.nbytes > self.max_array:
            return Unsendable(
                f"array of {value.nbytes} bytes, more than any PV of this system holds"
            )
        return value

    def _send_on_credit(self, posts: list[Update]) -> None:
        """Send posts that cannot wait for credits; the IOC gives these back as well."""
        with self._lock:
            self._credits -= credits_of(update.value for update in posts)
        self._writer.send(Post(posts))

    def _append(self, update: Update) -> None:
        """Queue one update, or let it take the place of an older one."""
        pv = update.pv
        is_ack = pv in self.in_order
        with self._lock:
            if is_ack:
                if self._acks >= MAX_ACKS:
                    self._room.wait_for(lambda: self._acks < MAX_ACKS, ACK_WAIT_S)
                self._acks += 1
            else:
                if len(self._entries) >= self._bound:
                    older = self._newest.get(pv)
                    if older is not None:
                        self._replace(older, update)
                        return
                self._newest[pv] = update
            self._entries.append(update)

    def _append_copy(self, update: Update) -> None:
        """Queue an update whose value the system may change after this."""
        value = update.value
        if isinstance(value, np.ndarray) and value.nbytes >= LARGE:
            array = plain_array(value)
            sizes = range(LARGE, self.max_array + 1)
            if not isinstance(array, Unsendable) and array.nbytes in sizes:
                self._append_large(update, array)
                return
        update.value = self._fitting(freeze(value))
        self._append(update)

    def _append_large(self, update: Update, array: Array) -> None:
        """A large array conflates at once, and lies in a slot where there is one.

        Not quite at once: copying over a frame that nobody has seen takes the memory
        bandwidth that the IOC and its clients need for the frame before.
        """
        pv = update.pv
        self._fetch_grants()
        until_s = time.monotonic() + min(array.nbytes / READ_BYTES_S, PATIENCE_S)
        while self._holds_unsent(pv) and time.monotonic() < until_s:
            time.sleep(LOOK_S)
            self.pump()
        with self._lock:
            older = self._newest.get(pv)
            if older is not None and is_large(older.value):
                over = None
                if isinstance(older.value, SlotRef):
                    over = self._slots.put_over(older.value, array)
                if over is not None:
                    older.value, self.conflated = over, self.conflated + 1
                    older.stamp_s, older.alarm = update.stamp_s, update.alarm
                else:
                    update.value = freeze(array)
                    self._replace(older, update)
                return
        slot = self._slots.put(pv, array)
        update.value = freeze(array) if slot is None else slot
        self._append(update)

    def _holds_unsent(self, pv: str) -> bool:
        return (older := self._newest.get(pv)) is not None and is_large(older.value)

    def _replace(self, older: Update, newer: Update) -> None:
        self.conflated += 1
        if isinstance(older.value, SlotRef):
            self._slots.free(older.value.slot)
        older.value, older.stamp_s = newer.value, newer.stamp_s
        older.alarm, older.keeps_value = newer.alarm, newer.keeps_value

    def _take(self) -> list[Update]:
        """The next batch, paid with credits; empty when there is none to be had.

        A large array travels alone, so that the IOC publishes one a turn.
        """
        batch: list[Update] = []
        with self._lock:
            entries = self._entries
            if self._credits <= 0 or not entries:
                return batch
            cost, size = 1, 0
            while entries and len(batch) < BATCH_UPDATES and cost == 1:
                value = entries[0].value
                if type(value) not in WEIGHTLESS:
                    size += weight(value)
                    if batch and (is_large(value) or size > BATCH_BYTES):
                        break
                    if is_large(value):
                        cost = LARGE_CREDITS
                batch.append(self._pop())
            self._credits -= cost
        return batch

    def _take_all(self) -> list[Update]:
        """Everything, credits or not."""
        taken: list[Update] = []
        with self._lock:
            while self._entries:
                taken.append(self._pop())
        return taken

    def _pop(self) -> Update:
        update = self._entries.popleft()
        if self._newest.get(update.pv) is update:
            del self._newest[update.pv]
        if update.pv in self.in_order:
            self._acks -= 1
            if self._acks == MAX_ACKS - 1:  # nobody waits while there are fewer
                self._room.notify_all()
        return update
