"""Which command runs, whether it is asked to end, and the exception that ends it.

The exception rung is a signal to the main thread. Its Python handler raises Aborted
only while the main thread is in user code (below `call_user` or `await_user`) of that
very command. Our own code must not be torn: there it leaves a mark, which is raised on
the way out of a post or a log record, and the control thread signals again soon. The
idea is trio's (`trio/_core/_ki.py`).

Threading model: the runner (main thread) begins and ends commands, the control thread
cancels; `_lock` guards the ids.
"""

import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from sswd.pipe.protocol import Rung
from sswd.worker.forks import end_child, is_child
from sswd.worker.system import Aborted

SETUP = 0
"""The "command" id during construction and setup, which Stop may interrupt."""
IDLE = -1
LINKING = -2
"""While the link is made anew, or asked for, between commands: Stop interrupts it."""
SIGNAL = signal.SIGRTMIN + 3  # unused by drivers known to us; SIGUSR1/2 are not

MISSED_S = 0.05
"""After this it is sent again because nothing came of it: a signal that arrives when
the main thread has looked for signals and is about to block does not wake it."""
RETRY_S = 0.005
"""After this the signal is sent again that came while it could not raise."""

_LOCKING = frozenset({"acquire", "release", "handle", "_acquireLock", "_releaseLock"})
"""Functions of logging that take a lock before their `try`: torn, all threads hang."""

_LOOP = ("asyncio.", "selectors", "_weakrefset", "sswd.worker.coroutines")
"""Modules that run the event loop: torn, it would lose what it was about to call. A
coroutine that waits is cancelled instead."""

_PROTECTED = (
    "sswd.pipe.framing",
    "sswd.pipe.codec",
    "sswd.worker.control",
    "sswd.pipe.foreign",
    "sswd.pipe.plain",
    "sswd.worker.exception_text",
    "sswd.worker.forks",
    "sswd.worker.freeze",
    "sswd.worker.inbox",
    "sswd.worker.outbox",
    "sswd.worker.runner",
    "sswd.worker.services",
    "sswd.worker.watch",
)


def call_user(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The boundary: everything called from here is user code and may be aborted.

    A forked child of it ends here.
    """
    try:
        result = function(*args, **kwargs)
    except BaseException as ex:
        if is_child():
            end_child(ex)
        raise
    if is_child():
        end_child()
    return result


async def await_user(awaitable: Awaitable[Any]) -> Any:
    """The same boundary for what an `async def` method does."""
    return await awaitable


_USER = (call_user.__code__, await_user.__code__)


def _is_locking(frame: FrameType | None) -> bool:
    return (
        frame is not None
        and frame.f_code.co_name in _LOCKING
        and frame.f_globals.get("__name__") == "logging"
    )


def _is_event_loop(frame: FrameType | None) -> bool:
    """Whether the event loop of `async def` handlers runs or waits itself; in a
    coroutine's own code it is not the innermost frame."""
    name = "" if frame is None else str(frame.f_globals.get("__name__"))
    return name.startswith(_LOOP)


def _may_raise_at(frame: FrameType | None) -> bool:
    """Whether the interrupted code is user code below `call_user`."""
    if _is_locking(frame) or _is_event_loop(frame):
        return False
    while frame is not None:
        if frame.f_code in _USER:
            return True
        if frame.f_globals.get("__name__") in _PROTECTED:
            return False
        frame = frame.f_back
    return False


class CommandWatch:
    """The command that runs in this worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._id = IDLE
        self._cancelled = IDLE
        self._raise_in = IDLE
        self.is_stopping = False
        """Whether the worker is asked to stop: no work on the link begins any more."""
        self._abort: Callable[[], None] | None = None
        self._aborting: threading.Thread | None = None
        self.aborted = threading.Event()
        self.cancel_coroutine: Callable[[], None] = _nobody
        """Cancels the coroutine that runs, if one does; set by coroutines.py."""
        self.is_deferred = False
        """Whether a signal came that could not raise; the control thread looks."""
        self._deferred: Callable[[], None] = _nobody

    def install(self, deferred: Callable[[], None]) -> None:
        """Take the signal. Main thread only. `deferred` wakes the control thread."""
        self._deferred = deferred
        signal.signal(SIGNAL, self._on_signal)

    def set_abort(self, abort: Callable[[], None] | None) -> None:
        """Name the system's `abort` method; None: it has none."""
        self._abort = abort

    def begin(self, command_id: int) -> bool:
        """A command is about to run; False when it was cancelled before it came.

        Not while `abort()` of the former one runs, which would stop what this one
        begins. If it never returns, the ladder of this one goes on to SIGTERM.
        """
        self.wait_abort()
        with self._lock:
            if command_id <= self._cancelled:
                return False
            if self.aborted.is_set():
                self.aborted.clear()
            self._id = command_id
            return True

    def begin_linking(self) -> bool:
        """Work on the link is about to begin; False: the worker is to stop."""
        with self._lock:
            if self.is_stopping:
                return False
            self.aborted.clear()
            self._id = LINKING
            return True

    def end(self) -> bool:
        """The command has ended; True when it had been asked to end."""
        with self._lock:
            was_cancelled = self._id <= self._cancelled
            self._id = IDLE
            return was_cancelled

    def wait_abort(self, limit_s: float | None = None) -> None:
        """Wait for the system's `abort()` to return: it may outlast its command."""
        aborting, self._aborting = self._aborting, None
        if aborting is not None:
            aborting.join(limit_s)

    @property
    def runs_command(self) -> bool:
        """Whether a command runs: not the constructor, setup, or work on the link."""
        return self._id > SETUP

    @property
    def is_running(self) -> bool:
        """Whether a command, the constructor, setup or work on the link runs."""
        return self._id != IDLE

    @property
    def is_asked_to_end(self) -> bool:
        """Whether that is asked to end."""
        return self.is_running and self.aborted.is_set()

    @property
    def is_pending(self) -> bool:
        """Whether an exception is still to be raised."""
        return self._raise_in != IDLE and self._id == self._raise_in

    def cancel(self, command_id: int, rung: Rung) -> None:
        """End `command_id`, now or when it comes. Control thread only."""
        with self._lock:
            self._cancelled = max(self._cancelled, command_id)
            if self._id != command_id:
                return
            if rung is Rung.EXCEPTION:  # before the flag: who sees that may forget it
                self._raise_in = command_id
            self.aborted.set()
            if rung is Rung.FLAG and self._abort is not None:
                self._aborting = threading.Thread(
                    target=self._abort, name="sswd-abort", daemon=True
                )
                self._aborting.start()
        self.cancel_coroutine()
        if rung is Rung.EXCEPTION:
            self._signal()

    def stop(self) -> None:
        """The worker is to stop: end work on the link. Control thread only.

        A command, or the start, is ended by a Cancel of its own.
        """
        with self._lock:
            self.is_stopping = True
            if self._id != LINKING:
                return
            self._raise_in = LINKING
            self.aborted.set()
        self.cancel_coroutine()
        self._signal()

    def retry(self) -> None:
        """Signal again if the exception is still to be raised. Control thread only."""
        self.is_deferred = False
        if self.is_pending:
            self._signal()

    def forget_pending(self) -> None:
        """The main thread raises Aborted by itself: once is enough."""
        if threading.current_thread() is threading.main_thread():
            self._raise_in = IDLE

    def raise_pending(self) -> None:
        """Raise the Aborted that came while our own code ran on the main thread."""
        if self._raise_in == IDLE or self._id != self._raise_in:
            return
        if threading.current_thread() is threading.main_thread():
            self._raise_in = IDLE
            raise Aborted

    def _on_signal(self, _number: int, frame: FrameType | None) -> None:
        if self._id != self._raise_in or self._id == IDLE:
            return
        if _may_raise_at(frame):
            self._raise_in = IDLE
            raise Aborted
        self.is_deferred = True
        self._deferred()

    def _signal(self) -> None:
        main = threading.main_thread().ident
        if main is not None:
            signal.pthread_kill(main, SIGNAL)


def _nobody() -> None:
    """Stands in until `install`."""
