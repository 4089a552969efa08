"""The bridge: the thread between a worker's pipes and the loop's two doors.

One thread per worker process. It polls and never blocks on a pipe: what a pipe does not
take waits in its FrameWriter until poll says there is room. It stamps what it brings
with its run, so that nothing from a dead run can be taken for the living.

Threading model: the loop makes and starts it, calls `order` and `attach`, and reads
`heard_s`. Everything else happens on the thread "sswd-bridge NAME RUN". It ends by
itself when the process is gone, after delivering Gone as its last word.
"""

import contextlib
import logging
import os
import select
import threading
import time
from collections import deque
from typing import Any

from sswd.channel import READ_BYTES, FrameReader, FrameWriter
from sswd.codec import FromSlot, MessageDecoder
from sswd.errors import ChannelClosed, ProtocolError
from sswd.ioc.doors import Door
from sswd.ioc.told import LineLog
from sswd.launch import WorkerProcess
from sswd.protocol import Execute, Message, Up

log = logging.getLogger("sswd.worker")

EOF_GRACE_S = 0.5
"""A worker that closed its pipe may take so long to exit by itself."""
MAX_READS = 16
"""Reads of the up pipe before the other descriptors get their turn."""


class Gone:
    """The bridge's last word: the process has exited and its pipe is drained."""

    def __init__(self, tail: list[str], seen_s: float) -> None:
        self.tail = tail
        self.seen_s = seen_s


class Bridge(threading.Thread):
    """Carries messages between one worker process and the loop."""

    def __init__(
        self,
        run: Any,
        process: WorkerProcess,
        name: str,
        up: Door,
        from_slot: FromSlot | None = None,
    ) -> None:
        super().__init__(name=f"sswd-bridge {name}", daemon=True)
        self._run = run
        self._process = process
        self._up_door = up
        self._orders: deque[Message] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._wake_lock = threading.RLock()  # a slot may be freed within order()
        self._commands: Door | None = None
        self._reader: FrameReader[Up] = FrameReader(
            process.up, MessageDecoder(Up, from_slot)
        )
        self._cmd = FrameWriter(process.cmd)
        self._ctl = FrameWriter(process.ctl)
        self._lines = LineLog(log, name)
        self._poll = select.poll()
        self._inputs = frozenset((process.up, process.stdio, process.exited))
        self._kill_at_s: float | None = None
        self._exited = False
        self._crowded: set[int] = set()
        self._is_listening = False
        self.heard_s: float | None = None
        """When the worker last said anything (monotonic); None: not yet."""

    # -- from the loop

    @property
    def has_exited(self) -> bool:
        """Whether the process is gone; its last messages may still be on the way."""
        return self._exited

    def start(self) -> None:
        """Start the thread. Raises OSError when there is none to be had."""
        try:
            super().start()
        except RuntimeError as ex:
            self._close_wake()
            raise OSError(f"no thread for it: {ex}") from ex

    def order(self, message: Message) -> None:
        """Send Begin, Grant, Free, Cancel or Stop. Any thread."""
        self._orders.append(message)
        self._wake_up()

    def attach(self, commands: Door) -> None:
        """From now on carry the commands of this door: this run has begun."""
        self._commands = commands
        self._wake_up()

    def _wake_up(self) -> None:
        with self._wake_lock:  # its number may be somebody else's once it is closed
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def _close_wake(self) -> None:
        with self._wake_lock:
            os.close(self._wake)
            self._wake = -1

    # -- the thread

    def run(self) -> None:
        """Carry until the process is gone."""
        for fd in (self._wake, self._process.up, self._process.stdio):
            self._poll.register(fd, select.POLLIN)
        self._poll.register(self._process.exited, select.POLLIN)
        try:
            while not self._exited:
                self._turn()
        except Exception:
            # A run without its bridge would be neither dead nor alive: end it.
            log.exception("%s failed; killing its worker", self.name)
            self._process.kill_group()
            self._wait_for_exit()
        self._last_words()

    def _wait_for_exit(self) -> None:
        exited = select.poll()  # not select(): our descriptors may be beyond 1023
        exited.register(self._process.exited, select.POLLIN)
        exited.poll()

    def _turn(self) -> None:
        ready = [fd for fd, _events in self._poll.poll(self._timeout_ms())]
        # First: who reads the worker's last Finished shall know that it was the last.
        self._exited = self._process.exited in ready
        for fd in ready:
            if fd == self._process.up:
                self._receive(MAX_READS)
            elif fd == self._process.stdio:
                self._read_stdio()
        if self._kill_at_s is not None and time.monotonic() >= self._kill_at_s:
            self._process.kill_group()
            self._kill_at_s = time.monotonic() + 1.0
        if not self._inputs.issuperset(ready):  # orders, commands, or room for them
            self._send(ready)
        self._lines.flush()

    def _timeout_ms(self) -> float | None:
        if self._kill_at_s is None and not self._lines.holds_back:
            return None
        waits = [] if self._kill_at_s is None else [self._kill_at_s - time.monotonic()]
        if self._lines.holds_back:
            waits.append(1.0)
        return max(0.0, min(waits)) * 1000 if waits else None

    def _receive(self, reads: int) -> None:
        for _ in range(reads):
            try:
                messages = self._reader.read()
            except ChannelClosed:
                return self._up_closed()
            except ProtocolError as ex:
                log.error("worker sent what is no message (%s); killing it", ex)
                self._process.kill_group()
                return self._up_closed()
            if self._reader.is_dry:
                return None
            self.heard_s = time.monotonic()
            for message in messages:
                self._up_door.push((self._run, message))
            if self._reader.was_short:
                return None  # another read would only find that nothing is there
        return None

    def _up_closed(self) -> None:
        with contextlib.suppress(KeyError):
            self._poll.unregister(self._process.up)
        if self._kill_at_s is None:
            self._kill_at_s = time.monotonic() + EOF_GRACE_S

    def _read_stdio(self) -> None:
        try:
            data = os.read(self._process.stdio, READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self._lines.feed(data)
        else:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._process.stdio)

    def _send(self, ready: list[int]) -> None:
        if self._wake in ready:
            os.eventfd_read(self._wake)
        try:
            while self._orders:
                self._ctl.send(self._orders.popleft())
            if self._commands is not None:
                self._send_commands(self._commands, ready)
            self._ctl.flush()
            self._cmd.flush()
        except ChannelClosed:
            self._cmd.drop()  # its exit is on the way; the ledger settles the rest
            self._ctl.drop()
        self._want_room(self._process.cmd, self._cmd)
        self._want_room(self._process.ctl, self._ctl)

    def _want_room(self, fd: int, writer: FrameWriter) -> None:
        if writer.owes == (fd in self._crowded):
            return
        if writer.owes:
            self._crowded.add(fd)
            self._poll.register(fd, select.POLLOUT)
        else:
            self._crowded.discard(fd)
            self._poll.unregister(fd)

    def _send_commands(self, door: Door, ready: list[int]) -> None:
        if not self._is_listening:
            self._is_listening = True
            self._poll.register(door.fileno(), select.POLLIN)
        if door.fileno() in ready:
            door.hush()
        while len(door):
            command: Execute = door.take()
            self._cmd.send(command)

    def _last_words(self) -> None:
        """Drain before judging: a message outlives its writer in the pipe.

        The worker's children may hold the pipe open, so this ends at EOF or when
        nothing more is there.
        """
        seen_s = time.monotonic()
        self._process.kill_group()
        self._reader.is_dry = False
        while not self._reader.is_dry:
            try:
                messages = self._reader.read()
            except (ChannelClosed, ProtocolError):
                break
            for message in messages:
                self._up_door.push((self._run, message))
        self._read_stdio()
        self._close_wake()
        self._up_door.push((self._run, Gone(self._lines.end(), seen_s)))
