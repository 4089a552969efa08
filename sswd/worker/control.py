"""The control thread: grants, cancels, stop, and the pulse.

It polls ctl for at most one pulse period. A pulse says that threads of this process get
to run, and that the main thread is in user code or looked for commands lately. So a
missing pulse means: the GIL is held, the process is stopped, or it has lost its main
thread and no command will ever run.

Threading model: posting threads also read ctl when out of credits (`fetch_grants`);
what is not a Grant they leave here. `_ctl_lock` guards the reader.
"""

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from sswd.errors import ProtocolError, SswdError
from sswd.pipe.framing import FrameReader
from sswd.pipe.protocol import (
    Begin,
    Cancel,
    Down,
    Execute,
    Free,
    Grant,
    Input,
    InputsTaken,
    Leaving,
    LogLevel,
    Pulse,
    Restore,
    Stop,
)
from sswd.worker.exception_text import trace_of
from sswd.worker.forks import write_line
from sswd.worker.inputs import Inputs
from sswd.worker.log_level import set_level
from sswd.worker.main_thread import MainThread
from sswd.worker.outbox import Outbox
from sswd.worker.readback import Readback
from sswd.worker.watch import MISSED_S, RETRY_S, CommandWatch

EX_SOFTWARE = 70


class Control:
    """Owns the ctl pipe and the control thread of a worker (a daemon thread)."""

    def __init__(
        self,
        ctl: int,
        reader: FrameReader[Down],
        watch: CommandWatch,
        pulse_s: float,
        main_thread: MainThread,
        inputs: Inputs | None = None,
    ) -> None:
        self.inputs = Inputs() if inputs is None else inputs
        self._ctl = ctl
        self._reader = reader
        self._watch = watch
        self._pulse_s = pulse_s
        self._main_thread = main_thread
        self._ctl_lock = threading.Lock()
        self._left: deque[Begin | Cancel | Stop | Input | LogLevel] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._outbox: Outbox | None = None
        self._begun = threading.Event()
        self._owes_leaving = False
        self.has_slots = True
        """Whether the shared memory may be used; known once begun."""
        self.readbacks: Sequence[Readback] = ()
        """Those whose calls may never end; set before they are called."""
        self.stopping = False
        self.stop_wakes = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        """Readable once Stop has come; the idle main thread polls it."""

    def start(self, outbox: Outbox, gone: Callable[[], None]) -> None:
        """Start the thread; `gone` ends the process when the IOC is gone."""
        self._outbox = outbox
        threading.Thread(
            target=self._run, args=(outbox, gone), name="sswd-control", daemon=True
        ).start()

    def wait_begin(self) -> bool:
        """Block until the IOC says Begin (True) or Stop (False)."""
        self._begun.wait()
        return not self.stopping

    def leave(self) -> None:
        """Tell the IOC that no command is taken any more. Main thread.

        If another thread is writing, which a full pipe may make long, the control
        thread tells it when that is done.
        """
        with contextlib.suppress(SswdError):  # the IOC is gone, and we are going
            if self._outbox is not None and not self._outbox.try_send(Leaving()):
                self._owes_leaving = True
                self.wake()

    def fetch_grants(self) -> None:
        """Read grants that wait on ctl, unless another thread does. Any thread."""
        self._read_ctl()
        if self._left:
            self.wake()

    def wake(self) -> None:
        """Have the control thread look around. Any thread, signal handlers too."""
        os.eventfd_write(self._wake, 1)

    def _run(self, outbox: Outbox, gone: Callable[[], None]) -> None:
        poll = select.poll()
        poll.register(self._ctl, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        try:
            while True:
                owes = bool(self.inputs.taken())
                is_pending = self._watch.is_pending
                ready = poll.poll(self._wait_s(owes, is_pending) * 1000)
                self._read_ctl()
                self._clear_wake()
                while self._left:
                    self._obey(self._left.popleft())
                outbox.pump()
                for readback in self.readbacks:
                    readback.look()
                if self._watch.is_deferred:
                    time.sleep(RETRY_S)
                    self._watch.retry()
                elif is_pending and not ready:
                    self._watch.retry()
                if not (ready or owes) and self._main_thread.is_there():
                    outbox.try_send(Pulse(outbox.conflated))
                if self._owes_leaving and outbox.try_send(Leaving()):
                    self._owes_leaving = False
                self._tell_taken(outbox)
        except SswdError:  # EOF or EPIPE: the IOC is gone, or sends nonsense
            gone()
        except BaseException as ex:  # noqa: BLE001 (whom nobody can stop must not live)
            write_line(f"the control thread failed\n{trace_of(ex)}")
            os._exit(EX_SOFTWARE)

    def _wait_s(self, owes: bool, is_pending: bool) -> float:
        """How long to wait for something to do."""
        if owes:
            return RETRY_S
        return min(self._pulse_s, MISSED_S) if is_pending else self._pulse_s

    def _tell_taken(self, outbox: Outbox) -> None:
        """Have the IOC send newer inputs; in the next round if a thread is writing."""
        names = self.inputs.taken()
        if names and outbox.try_send(InputsTaken(names)):
            self.inputs.told(names)

    def _clear_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)

    def _read_ctl(self) -> None:
        if not self._ctl_lock.acquire(blocking=False):
            return
        try:
            messages = self._reader.read()
        finally:
            self._ctl_lock.release()
        for message in messages:
            match message:
                case Grant(credits):
                    if self._outbox is not None:
                        self._outbox.grant(credits)
                case Free(slots):
                    if self._outbox is not None:
                        self._outbox.free(slots)
                case Begin() | Cancel() | Stop() | Input() | LogLevel():
                    self._left.append(message)
                case Execute() | Restore():
                    raise ProtocolError(f"{type(message).__name__} on the ctl pipe")

    def _obey(self, message: Begin | Cancel | Stop | Input | LogLevel) -> None:
        match message:
            case Input():
                self.inputs.take(message)
            case LogLevel():
                set_level(message)
            case Begin(slots):
                self.has_slots = slots
                self._begun.set()
            case Cancel(command_id, rung):
                self._watch.cancel(command_id, rung)
            case Stop():
                self.stopping = True
                self._watch.stop()
                self._begun.set()
                os.eventfd_write(self.stop_wakes, 1)
