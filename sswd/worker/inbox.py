"""Where commands come from, and what runs while none is there: `@every` methods.

It is also `io_get_queue` for systems that have a `run()` loop instead of
`io_execute`: `get()` and `task_done()` as with queue.Queue.

Threading model: main thread only.
"""

import queue
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from sswd.errors import ProtocolError
from sswd.pipe.framing import FrameReader
from sswd.pipe.protocol import Down, Execute, Restore
from sswd.worker.control import Control
from sswd.worker.coroutines import Coroutines
from sswd.worker.forks import end_child, is_child
from sswd.worker.link_keeper import LinkKeeper
from sswd.worker.main_thread import MainThread
from sswd.worker.schedule import Periodic

MAX_IDLE_S = 1.0


class Stopped(BaseException):
    """Ends the main loop, through a user's `run()` too: the worker shall close."""


class Inbox:
    """The cmd pipe, waited on by the main thread."""

    def __init__(
        self,
        cmd: int,
        reader: FrameReader[Down],
        control: Control,
        coroutines: Coroutines,
        main_thread: MainThread,
    ) -> None:
        self._reader = reader
        self._control = control
        self._coroutines = coroutines
        self._main_thread = main_thread
        wakes = control.inputs.wakes
        self._fds = (cmd, control.stop_wakes, *(() if wakes is None else (wakes,)))
        self._waiting: deque[Execute] = deque()
        self._restored: dict[str, Any] | None = None
        self._periodics: list[Periodic] = []
        self._keeper: LinkKeeper | None = None
        self._poll = select.poll()
        for fd in self._fds:
            self._poll.register(fd, select.POLLIN)
        self._on_inputs: dict[str, Callable[[], Any]] = {}

    def add_periodic(self, method: Callable[[], Any], period_s: float) -> None:
        """Have `method` called every `period_s` between commands."""
        self._periodics.append(Periodic(method, period_s))

    def attend(self, keeper: LinkKeeper) -> None:
        """Look after this link between commands."""
        self._keeper = keeper

    def on_input(self, name: str, method: Callable[[], Any]) -> None:
        """Have `method` called between commands when this input has changed."""
        self._on_inputs[name] = method

    def next(self, timeout_s: float | None = None) -> Execute:
        """Wait for a command. Raises Stopped, queue.Empty after `timeout_s`,
        PipeClosed when the IOC is gone."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._waiting:
            if is_child():
                end_child()
            if self._control.stopping:
                raise Stopped
            if self._control.inputs.wakes is not None:
                self._run_changed()
            wait_s = self._run_due()
            self._main_thread.waits()
            if until_s is not None:
                wait_s = min(wait_s, max(0.0, until_s - time.monotonic()))
            if self._wait(wait_s):
                if not self._control.stopping:
                    self._receive()
            elif until_s is not None and time.monotonic() >= until_s:
                raise queue.Empty
        self._main_thread.works()
        return self._waiting.popleft()

    def _wait(self, wait_s: float) -> bool:
        """Wait for a command or Stop; the tasks of `async def` handlers go on."""
        if self._coroutines.loop is None:
            return bool(self._poll.poll(wait_s * 1000))
        return self._coroutines.wait(self._coroutines.loop, self._fds, wait_s)

    def wait_restored(self) -> dict[str, Any]:
        """The values that the IOC hands back; it sends them before anything else."""
        while self._restored is None:
            if self._control.stopping:
                raise Stopped
            self._poll.poll(MAX_IDLE_S * 1000)
            self._receive()
        return self._restored

    def _receive(self) -> None:
        for message in self._reader.read():
            match message:
                case Execute():
                    self._waiting.append(message)
                case Restore(values):
                    self._restored = values
                case _:
                    raise ProtocolError(f"{type(message).__name__} on the cmd pipe")

    def _run_changed(self) -> None:
        """Tell the system of inputs that changed."""
        for name in self._control.inputs.changed():
            if name in self._on_inputs:
                self._main_thread.works()
                self._on_inputs[name]()

    def _run_due(self) -> float:
        """Run what is due; seconds until the next, at most MAX_IDLE_S."""
        for periodic in self._periodics:
            now_s = time.monotonic()
            if now_s >= periodic.due_s:
                periodic.advance(now_s)
                if self._keeper is None or not self._keeper.is_down:
                    self._main_thread.works()
                    periodic.method()
        waits_s = [MAX_IDLE_S]
        if self._keeper is not None and self._keeper.has_plans:
            self._main_thread.works()
            link_s = self._keeper.run_due()
            if link_s is not None:
                waits_s.append(link_s)
        if self._periodics:
            now_s = time.monotonic()
            waits_s += [periodic.due_s - now_s for periodic in self._periodics]
        return max(min(waits_s), 0.0)
