"""Signs of life: heartbeat, stall, CPU, memory, uptime; once every tick.

Three cases that must never be confused: busy in a command (BUSY; pulses come), silent
(STALLED: no thread of the worker gets to run, because the GIL is held or the process
is stopped), dead (an exit seen; the supervisor's business).

Threading model: the loop's own.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

import psutil

from sswd.ioc import ca
from sswd.ioc.commands.command import Command
from sswd.ioc.process.run import Run
from sswd.ioc.supervision.health import Health
from sswd.ioc.supervision.worker_pvs import WorkerStatus
from sswd.sizes import COUNTER_MODULUS

SLOW_S = 1.0
"""Period of UPTIME, CPU and MEM."""


def pulse_period_s(stall_s: float) -> float:
    """How often a worker shall pulse so that `stall_s` of silence means something."""
    return min(0.5, stall_s / 4)


class Monitor:
    """Watches the active run."""

    def __init__(
        self,
        status: WorkerStatus,
        stall_s: float,
        health: Health,
        running: Callable[[], Command | None],
    ) -> None:
        """`running` says which command runs."""
        self._status = status
        self._health = health
        self._running = running
        # The last pulse may have come just before the silence began.
        self._silence_s = stall_s + pulse_period_s(stall_s)
        self._period_s = min(0.25, stall_s / 10)
        self._late_s = min(0.5, stall_s / 2)
        self._loop = asyncio.get_running_loop()
        self._run: Run | None = None
        self._process: psutil.Process | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ticked_s = 0.0
        self._slow_due_s = 0.0
        self._beat_s: float | None = None
        self._beats = 0
        self._is_stalled = False

    def watch(self, run: Run) -> None:
        """Watch this run from now on."""
        self._run = run
        self._beat_s = None
        with contextlib.suppress(psutil.Error, OSError):  # no /proc
            self._process = psutil.Process(run.pid)
            self._process.cpu_percent()
        self._ticked_s = time.monotonic()
        self._slow_due_s = self._ticked_s
        self._arm()

    def unwatch(self) -> None:
        """The run is over."""
        if self._timer is not None:
            self._timer.cancel()
        self._run = self._process = self._timer = None
        if self._is_stalled:  # no log line says that it sends again: it does not
            self._is_stalled = False
            ca.post(self._status.STALLED, 0)
        for pv in (self._status.CPU, self._status.MEM, self._status.UPTIME):
            ca.post(pv, 0.0)

    def _arm(self) -> None:
        self._timer = self._loop.call_later(self._period_s, self._tick)

    def _tick(self) -> None:
        run = self._run
        if run is None:
            return
        now_s = time.monotonic()
        last_message_s = run.bridge.last_message_s
        was_late = now_s - self._ticked_s > self._period_s + self._late_s
        self._ticked_s = now_s
        if last_message_s is not None and not was_late:
            # Late ourselves (the IOC was stopped): what it sent may wait to be read.
            self._set_stalled(run, now_s - last_message_s > self._silence_s)
        if now_s >= self._slow_due_s:
            self._slow_due_s = now_s + SLOW_S
            self._measure(run, now_s)
        if self._run is not None:  # nobody had it recycled for what we told
            self._arm()

    def _set_stalled(self, run: Run, is_stalled: bool) -> None:
        if is_stalled == self._is_stalled:
            return
        self._is_stalled = is_stalled
        ca.post(self._status.STALLED, int(is_stalled))
        if is_stalled:
            self._health.stalled(run, self._running())
        else:
            self._health.recovered()

    def _measure(self, run: Run, now_s: float) -> None:
        if run.bridge.last_message_s != self._beat_s:
            self._beat_s = run.bridge.last_message_s
            self._beats = (self._beats + 1) % COUNTER_MODULUS
            ca.post(self._status.HEARTBEAT, self._beats)
        if run.ready_s is not None:
            ca.post(self._status.UPTIME, now_s - run.ready_s)
        with contextlib.suppress(psutil.Error, OSError):  # no /proc
            if self._process is not None:
                memory_mb = self._process.memory_info().rss / 1e6
                run.peak_mb = run.process.peak_memory_mb() or run.peak_mb
                ca.post(self._status.CPU, float(self._process.cpu_percent()))
                ca.post(self._status.MEM, memory_mb)
                if run.ready_s is not None:
                    is_idle = self._running() is None
                    self._health.measured(run, memory_mb, is_idle=is_idle)
