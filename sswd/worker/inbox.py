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

MAX_IDLE_S = 1.0


class Stopped(BaseException):
    """Ends the main loop, through a user's `run()` too: the worker shall close."""


class Periodic:
    """One `@every` method and when it is due next."""

    def __init__(self, method: Callable[[], Any], period_s: float) -> None:
        self.method = method
        self.period_s = period_s
        self.due_s = time.monotonic() + period_s

    def advance(self, now_s: float) -> None:
        """Set the next due time; calls that were missed are not made up for."""
        late = now_s - self.due_s
        self.due_s += self.period_s * (1 + late // self.period_s)


class Inbox:
    """The cmd pipe, waited on by the main thread."""

    def __init__(
        self,
        cmd: int,
        reader: FrameReader[Down],
        control: Control,
        run_periodic: Callable[[Callable[[], Any]], None],
    ) -> None:
        self._reader = reader
        self._control = control
        self._run_periodic = run_periodic
        self._waiting: deque[Execute] = deque()
        self._restored: dict[str, Any] | None = None
        self._periodics: list[Periodic] = []
        self._poll = select.poll()
        self._poll.register(cmd, select.POLLIN)
        self._poll.register(control.stop_wakes, select.POLLIN)
        if control.inputs.wakes is not None:
            self._poll.register(control.inputs.wakes, select.POLLIN)
        self._on_inputs: dict[str, Callable[[], Any]] = {}

    def add_periodic(self, method: Callable[[], Any], period_s: float) -> None:
        """Have `method` called every `period_s` between commands."""
        self._periodics.append(Periodic(method, period_s))

    def on_input(self, name: str, method: Callable[[], Any]) -> None:
        """Have `method` called between commands when this input has changed."""
        self._on_inputs[name] = method

    def next(self, timeout_s: float | None = None) -> Execute:
        """Wait for a command. Raises Stopped, queue.Empty after `timeout_s`,
        PipeClosed when the IOC is gone."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._waiting:
            if self._control.stopping:
                raise Stopped
            self._run_changed()
            wait_s = self._run_due()
            if until_s is not None:
                wait_s = min(wait_s, max(0.0, until_s - time.monotonic()))
            if self._poll.poll(wait_s * 1000):
                if not self._control.stopping:
                    self._receive()
            elif until_s is not None and time.monotonic() >= until_s:
                raise queue.Empty
        return self._waiting.popleft()

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
                self._run_periodic(self._on_inputs[name])

    def _run_due(self) -> float:
        """Run what is due; seconds until the next, at most MAX_IDLE_S."""
        for periodic in self._periodics:
            now_s = time.monotonic()
            if now_s >= periodic.due_s:
                periodic.advance(now_s)
                self._run_periodic(periodic.method)
        now_s = time.monotonic()
        due_s = min((p.due_s - now_s for p in self._periodics), default=MAX_IDLE_S)
        return min(max(due_s, 0.0), MAX_IDLE_S)
