"""The bridge between a worker's pipes and the loop's two queues.

It never blocks on a pipe: what a pipe does not take waits in its FrameWriter until poll
says there is room.

The loop itself reads `up` and writes `cmd` and `ctl`, without blocking, because a
hand-over to the thread costs a wake-up and a wait for the GIL: 115 us of a command's
530 on its way down, 60 on its way up. The thread does what takes time: `prepare`, room
in a full pipe, the output, the exit and the last messages.

Threading model: the loop makes and starts it and calls `receive`; `order`, `attach` and
`carry` are for any thread; `deliver` is called on the thread. `_reading` and `_writing`
are held while a pipe end is used; neither is waited for long. The thread is
"sswd-bridge NAME". It ends by itself when the process is gone, after it has delivered
Gone.
"""

import contextlib
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

from sswd.errors import PipeClosed, ProtocolError
from sswd.ioc.process.output_log import Heard, OutputLog
from sswd.ioc.process.queues import EventfdQueue
from sswd.pipe.bounded import BoundedDecoder
from sswd.pipe.codec import FromSlot
from sswd.pipe.framing import READ_BYTES, FrameLimits, FrameReader, FrameWriter
from sswd.pipe.launch import WorkerProcess
from sswd.pipe.protocol import Execute, Message, Restore, Up

log = logging.getLogger("sswd.worker")

WORDS_CHARACTERS = 300
EOF_GRACE_S = 0.5
"""A worker that closed its pipe may take so long to exit by itself."""
LAST_READS = 256
"""More than a socket's buffer can hold."""


class Gone:
    """The last item of a bridge: the process has exited and its pipe is drained."""

    def __init__(self, tail: list[str], seen_s: float) -> None:
        self.tail = tail
        self.seen_s = seen_s


Deliver = Callable[[list[Up | Gone]], None]
"""Takes the messages that the thread has read, in order. Called on the thread."""


def _nothing() -> None:
    """No work has to be done before the system may begin."""


class Bridge(threading.Thread):
    """Carries messages between one worker process and the loop."""

    def __init__(
        self,
        process: WorkerProcess,
        name: str,
        deliver: Deliver,
        from_slot: FromSlot | None = None,
        prepare: Callable[[], None] = _nothing,
        limits: FrameLimits | None = None,
    ) -> None:
        super().__init__(name=f"sswd-bridge {name}", daemon=True)
        self._worker = name
        self._prepare = prepare
        self._process = process
        self._deliver = deliver
        self._orders: deque[Message] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._wake_lock = threading.RLock()  # a slot may be freed within order()
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._is_over = False
        self._commands: EventfdQueue[Execute | Restore] | None = None
        self._reader: FrameReader[Up] = FrameReader(
            process.up, BoundedDecoder(from_slot), limits
        )
        self._cmd = FrameWriter(process.cmd)
        self._ctl = FrameWriter(process.ctl)
        self._lines = OutputLog(log, name)
        self._poll = select.poll()
        self._exit_poll = select.poll()
        self._exit_poll.register(process.exited, select.POLLIN)
        self._kill_at_s: float | None = None
        self._exited = False
        self._full_pipes: set[int] = set()
        self._polls_commands = False
        self.is_up_closed = False
        """Whether nothing more is to be read from the worker."""
        self.last_message_s: float | None = None
        """When the worker last said anything (monotonic); None: not yet."""

    # -- from the loop, or any thread where it says so

    @property
    def has_exited(self) -> bool:
        """Whether the process is gone; its last messages may still be on the way."""
        return self._exited or bool(self._exit_poll.poll(0))

    def start(self) -> None:
        """Start the thread. Raises OSError when there is none to be had."""
        try:
            super().start()
        except RuntimeError as ex:
            self._close_wake()
            raise OSError(f"no thread for it: {ex}") from ex

    def receive(self) -> list[Up]:
        """Read once what the worker has sent. Loop.

        Nothing while the thread reads the last messages: the loop never waits for it.
        """
        if not self._reading.acquire(blocking=False):
            return []
        try:
            return [] if self.is_up_closed else self._receive()
        finally:
            self._reading.release()

    @property
    def part(self) -> int | None:
        """The number of the frame that has begun and is not complete; None: none."""
        reader = self._reader
        return reader.frames if reader.has_part and not self.is_up_closed else None

    def refuse_part(self, seconds: float) -> None:
        """A frame was not complete in this time: end the run. Loop."""
        with self._reading:
            if not self.is_up_closed:
                self._refuse(f"a part of one, and not the rest in {seconds:g} s")

    def hear(self, heard: Heard) -> None:
        """From now on tell it each line of the worker's output, until its end. Loop."""
        self._lines.hear(heard)

    def order(self, message: Message) -> None:
        """Send Begin, Grant, Free, Cancel or Stop. Any thread."""
        self._orders.append(message)
        self.carry()

    def attach(self, commands: EventfdQueue[Execute | Restore]) -> None:
        """From now on carry the commands of this queue: this run has begun."""
        self._commands = commands
        self.carry()
        self._wake_up()  # the thread polls it too

    def carry(self) -> None:
        """Send what waits, as far as the pipes take it; the rest is the thread's.

        Any thread; never blocks. A finalizer may call it within itself.
        """
        if self._writing.acquire(blocking=False):
            try:
                self._send()
                is_done = not (self._cmd.owes or self._ctl.owes)
            except Exception as ex:  # noqa: BLE001 (told in _fail)
                self._fail(ex)
                return
            finally:
                self._writing.release()
            if is_done and not self._orders:
                return
        self._wake_up()

    def _wake_up(self) -> None:
        with self._wake_lock:  # its number may be somebody else's once it is closed
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def _close_wake(self) -> None:
        with self._wake_lock:
            os.close(self._wake)
            self._wake = -1

    def _fail(self, ex: Exception) -> None:
        """A run without its bridge would be neither dead nor alive: end it."""
        log.error("thread %s failed; killing its worker", self.name, exc_info=ex)
        self._process.kill()

    def _receive(self) -> list[Up]:
        """Read once. Holds `_reading`."""
        try:
            messages = self._reader.read()
        except PipeClosed:
            self._up_closed()
        except ProtocolError as ex:
            self._refuse(str(ex)[:WORDS_CHARACTERS])
        except Exception as ex:  # noqa: BLE001 (told in _fail)
            self._fail(ex)
            self._up_closed()
        else:
            if not self._reader.found_nothing:
                self.last_message_s = time.monotonic()
            return messages
        return []

    def _refuse(self, words: str) -> None:
        """What came is no message of ours: nothing that follows could be trusted."""
        log.error(
            "worker %s sent bytes that are no message (%s); killing it",
            self._worker,
            words,
        )
        self._process.kill()
        self._up_closed()

    def _up_closed(self) -> None:
        self.is_up_closed = True
        if self._kill_at_s is None:
            self._kill_at_s = time.monotonic() + EOF_GRACE_S
        self._wake_up()

    def _send(self) -> None:
        """Write what waits. Holds `_writing`."""
        if self._is_over:  # the descriptors may be somebody else's by now
            self._orders.clear()
            return
        try:
            while self._orders:
                self._ctl.send(self._orders.popleft())
            while self._commands is not None and len(self._commands):
                self._cmd.send(self._commands.take())
            self._ctl.flush()
            self._cmd.flush()
        except PipeClosed:
            self._cmd.drop()  # its exit is on the way; the ledger settles the rest
            self._ctl.drop()

    # -- the thread

    def run(self) -> None:
        """Do what waits, until the process is gone."""
        for fd in (self._wake, self._process.stdio, self._process.exited):
            self._poll.register(fd, select.POLLIN)
        try:
            self._prepare()
            while not self._exited:
                self._turn()
        except Exception as ex:  # noqa: BLE001 (told in _fail)
            self._fail(ex)
            self._wait_for_exit()
        self._last_words()

    def _wait_for_exit(self) -> None:
        exited = select.poll()  # not select(): our descriptors may be beyond 1023
        exited.register(self._process.exited, select.POLLIN)
        exited.poll()

    def _turn(self) -> None:
        ready = {fd for fd, _events in self._poll.poll(self._timeout_ms())}
        self._exited = self._process.exited in ready
        if self._process.stdio in ready:
            self._read_stdio()
        if self._kill_at_s is not None and time.monotonic() >= self._kill_at_s:
            self._process.kill()
            self._kill_at_s = time.monotonic() + 1.0
        if not ready <= {self._process.stdio, self._process.exited}:
            self._send_rest(ready)
        self._lines.flush()

    def _timeout_ms(self) -> float | None:
        waits = [] if self._kill_at_s is None else [self._kill_at_s - time.monotonic()]
        if self._lines.holds_back:
            waits.append(1.0)
        return max(0.0, min(waits)) * 1000 if waits else None

    def _send_rest(self, ready: set[int]) -> None:
        """There is room in a pipe again, or something was left to this thread."""
        if self._wake in ready:
            os.eventfd_read(self._wake)
        if self._commands is not None:
            self._poll_commands(self._commands, ready)
        with self._writing:
            self._send()
            owes = {
                self._process.cmd: self._cmd.owes,
                self._process.ctl: self._ctl.owes,
            }
        for fd, is_owed in owes.items():
            self._want_room(fd, is_owed=is_owed)

    def _want_room(self, fd: int, *, is_owed: bool) -> None:
        if is_owed == (fd in self._full_pipes):
            return
        if is_owed:
            self._full_pipes.add(fd)
            self._poll.register(fd, select.POLLOUT)
        else:
            self._full_pipes.discard(fd)
            self._poll.unregister(fd)

    def _poll_commands(
        self, commands: EventfdQueue[Execute | Restore], ready: set[int]
    ) -> None:
        """Mind also the commands that are pushed from elsewhere than the loop."""
        if not self._polls_commands:
            self._polls_commands = True
            self._poll.register(commands.fileno(), select.POLLIN)
        if commands.fileno() in ready:
            commands.clear_event()

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

    def _last_words(self) -> None:
        """Drain before judging: a message outlives its writer in the pipe.

        The worker's children may hold the pipe open, so this ends at EOF or when
        nothing more is there, and they may write, so it ends in any case.
        """
        seen_s = time.monotonic()
        self._exited = True
        self._process.end_company()
        messages: list[Up | Gone] = []
        with self._reading:
            for _ in range(LAST_READS):
                if self.is_up_closed:
                    break
                messages += self._receive()
                if self._reader.found_nothing:
                    break
            self.is_up_closed = True
        self._read_stdio()
        with self._writing:
            self._is_over = True
        self._close_wake()
        self._deliver([*messages, Gone(self._lines.end(), seen_s)])
