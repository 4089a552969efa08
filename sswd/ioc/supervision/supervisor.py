"""Performs the lifecycle table's actions on real worker processes.

Events go through state_machine.py; worker_events.py receives what workers send and how
they end; here is what is done about it. No policy: an `if` about one belongs into a
table.

Threading model: the loop's own. Threads are in bridge.py, processes in run.py.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from sswd.ioc import ca
from sswd.ioc.commands.command import Cause
from sswd.ioc.process.output_log import Heard
from sswd.ioc.process.run import Run
from sswd.ioc.supervision import lifecycle
from sswd.ioc.supervision.backoff import Backoff
from sswd.ioc.supervision.health import Health
from sswd.ioc.supervision.lifecycle import Action, Event, Phase, WorkerState
from sswd.ioc.supervision.link_status import LinkStatus
from sswd.ioc.supervision.log_levels import LogLevels
from sswd.ioc.supervision.monitor import Monitor
from sswd.ioc.supervision.park import Parker
from sswd.ioc.supervision.parts import SystemParts
from sswd.ioc.supervision.standby import Standby, restart_refused
from sswd.ioc.supervision.state_machine import StateMachine
from sswd.ioc.supervision.timers import EventTimers
from sswd.ioc.supervision.worker_events import WorkerEvents, WorkerProcesses
from sswd.pipe.worker_spec import WorkerSpec

log = logging.getLogger("sswd.ioc")


class Supervisor:
    """Keeps one system's worker in the state that operators and events ask for."""

    def __init__(self, parts: SystemParts) -> None:
        self._parts = parts
        self._active = parts.active
        self._park_spec = parts.park_spec
        restart = parts.config.restart
        self._backoff = Backoff(
            restart.delay_s, restart.max_delay_s, restart.max_restarts, restart.window_s
        )
        self._timers = EventTimers(self._time_passed)
        self._runs = 0
        self.closed = asyncio.Event()
        """Set once the phase is CLOSED."""
        self._processes = WorkerProcesses(self._make_standby(), self._make_parker())
        self.link = LinkStatus(parts, self.feed)
        self.log_levels = LogLevels(parts.name, parts.status, parts.active)
        self.worker_events = WorkerEvents(
            parts, self._processes, self.feed, self.link, self.log_levels
        )
        health = Health(parts.name, parts.config, parts.publisher, self.feed)
        self._monitor = Monitor(
            parts.status, restart.stall_s, health, lambda: parts.dispatcher.running
        )
        self._state_machine = StateMachine(
            parts.name, self._actions(), self._phase_changed
        )

    def _actions(self) -> Mapping[Action, Callable[[], None]]:
        """What is done for each action of the table."""
        standby, parker = self._processes.standby, self._processes.parker
        return {
            Action.START_RUN: self._start_run,
            Action.LOAD_FRESH: standby.refresh,
            Action.PREPARE_STANDBY: standby.prepare,
            Action.ABORT_FOR_RESTART: functools.partial(self._cancel, Cause.RESTART),
            Action.ABORT_FOR_STOP: functools.partial(self._cancel, Cause.STOP),
            Action.ABORT_FOR_SHUTDOWN: functools.partial(self._cancel, Cause.SHUTDOWN),
            Action.ASK_TO_STOP: self._ask_to_stop,
            Action.KILL_LATE_STARTER: self._kill_late_starter,
            Action.KILL_LATE_CLOSER: self._kill_late_closer,
            Action.ACCEPT_COMMANDS: self._accept_commands,
            Action.ON_LOST: self._on_lost,
            Action.FLUSH: self._flush,
            Action.CLEAR_BUDGET: self._backoff.clear,
            Action.WAIT: self._wait,
            Action.PARK: parker.park,
            Action.DROP_STANDBY: standby.drop,
            Action.TELL_STALE: self._tell_stale,
            Action.TELL_UNKILLABLE: self._tell_unkillable,
            Action.RECALL_UNDEAD: self._recall_undead,
            Action.TELL_FATAL: self._tell_fatal,
            Action.FINISH: self._finish,
        }

    def _make_standby(self) -> Standby:
        config = self._parts.config
        return Standby(
            lambda: self._launch(self._parts.spec),
            self.feed,
            is_wanted=config.standby,
            import_s=config.restart.start_s,
        )

    def _make_parker(self) -> Parker:
        has_park = self._parts.park_spec is not None
        return Parker(
            self._launch_park if has_park else None,
            self.feed,
            self._parts.config.park_s,
        )

    def _launch_park(self) -> Run:
        """As the run that has ended was told: it knows where its hardware is."""
        assert self._park_spec is not None
        return self._launch(self._park_spec)

    def _launch(self, spec: WorkerSpec) -> Run:
        run = self._parts.launch(spec)
        self._processes.held.add(run)
        return run

    # -- from outside

    @property
    def phase(self) -> Phase:
        """Where the worker is in its life."""
        return self._state_machine.phase

    def set_specs(self, spec: WorkerSpec, park_spec: WorkerSpec | None) -> None:
        """What the next processes are told. A standby that waits is not told any more:
        RELOAD, which follows, has another one made."""
        self._parts = replace(self._parts, spec=spec, park_spec=park_spec)

    def feed(self, event: Event) -> None:
        """Something happened, or an operator said something."""
        self._state_machine.feed(event)

    def on_kill(self) -> None:
        """A SIGKILL was sent to the active run: UNKILLABLE follows if it stays."""
        self._timers.arm(Event.UNKILLABLE, lifecycle.KILL_S)

    def _time_passed(self, event: Event) -> None:
        """A time that was set has passed."""
        if event is Event.UNKILLABLE and self._has_exited:
            # Its Gone is on the way: on a busy host its bridge may take long to judge.
            self._timers.arm(event, lifecycle.KILL_S)
        else:
            self.feed(event)

    @property
    def _has_exited(self) -> bool:
        run = self._active.run
        return run is not None and run.bridge.has_exited

    def dump_stacks(self, heard: Heard | None = None) -> bool:
        """Have the worker write the stacks of its threads into the log, and tell
        `heard`; whether there is one that could be asked."""
        return self._active.dump_stacks(heard)

    @property
    def holds(self) -> bool:
        """Whether a process is there, or one whose Gone has not come yet."""
        return bool(self._processes.held)

    @property
    def holds_undead(self) -> bool:
        """Whether the worker is there after CLOSED: nothing can end it."""
        return self._active.run is not None and not self._has_exited

    @property
    def is_parking(self) -> bool:
        """Whether the park routine runs; after CLOSED: a second signal ended the wait
        for it, and it is killed half-done."""
        return self._processes.parker.is_under_way

    def close(self) -> None:
        """Cancel the timers; after CLOSED only."""
        self._timers.cancel_all()
        self.link.close()
        self._parts.archive.close()

    # -- a step of the table

    def _phase_changed(self, before: Phase, event: Event, after: Phase) -> None:
        state = after.state
        if state is before.state:
            return
        level = logging.WARNING if state >= WorkerState.BACKOFF else logging.INFO
        log.log(
            level,
            "system '%s': worker %s -> %s (%s)",
            self._parts.name,
            before.state.name,
            state.name,
            event.value,
        )
        if state is not WorkerState.RUNNING:
            self._parts.dispatcher.worker_down(self._down_words(state))
        ca.post(self._parts.status.STATE, int(state))

    def _down_words(self, state: WorkerState) -> str:
        words = f"the worker is {state.name}"
        if state in (WorkerState.BACKOFF, WorkerState.FATAL):
            words += f" ({self._active.last_words})"
        return words

    # -- actions

    def _start_run(self) -> None:
        self._runs += 1
        self._park_spec = self._parts.park_spec
        status = self._parts.status
        try:
            run = self._processes.standby.take() or self._launch(self._parts.spec)
        except OSError as ex:
            self._cannot_start(ex)
            return
        self._active.begin(run, self._runs)
        ca.post(status.PID, run.pid)
        ca.post(status.RUN, self._runs)
        ca.post(status.RESTARTS, self._runs - 1)
        self._monitor.watch(run)
        self._timers.arm(Event.LATE, lifecycle.LATE_S)
        self._timers.arm(Event.OVERDUE, self._parts.config.restart.start_s)
        if run.loaded is not None:
            self.worker_events.loaded(run, run.loaded)

    def _cannot_start(self, ex: OSError) -> None:
        words = f"the worker cannot be started: {ex}"
        self._active.note_end(words, 0.0)
        self.worker_events.tell_error(words)
        log.error("system '%s': %s", self._parts.name, words)
        self.feed(Event.DIED)

    def _cancel(self, cause: Cause) -> None:
        self._parts.dispatcher.cancel(cause)
        self._active.end_start()

    def _ask_to_stop(self) -> None:
        self._active.stop()
        self._timers.arm(Event.STOP_OVERDUE, lifecycle.STOP_S)

    def _kill_late_starter(self) -> None:
        start_s = self._parts.config.restart.start_s
        self._active.kill(f"it was not RUNNING within start_s = {start_s:g} s")

    def _kill_late_closer(self) -> None:
        self._active.kill("it had been asked to stop and did not")

    def _accept_commands(self) -> None:
        self._parts.publisher.worker_ready()
        self._parts.dispatcher.worker_up()

    def _on_lost(self) -> None:
        self._monitor.unwatch()
        self._active.forget()
        self._timers.cancel(
            Event.LATE, Event.OVERDUE, Event.STOP_OVERDUE, Event.UNKILLABLE
        )
        ca.post(self._parts.status.PID, 0)
        self._parts.publisher.worker_gone(self._active.last_words)
        self._parts.dispatcher.worker_gone(self._active.last_words)
        self.link.worker_gone()

    def _flush(self) -> None:
        if self._parts.config.command.on_down == "reject":
            self._parts.dispatcher.flush(self._down_words(self.phase.state))

    def _wait(self) -> None:
        delay_s = self._backoff.died(time.monotonic(), self._active.ran_s)
        if delay_s is None:
            self.feed(Event.SPENT)
            return
        if delay_s:
            log.info("system '%s': restarting in %g s", self._parts.name, delay_s)
        self._timers.arm(Event.DUE, delay_s)

    def _tell_stale(self) -> None:
        standby = self._processes.standby
        words = restart_refused(standby.words)
        self.worker_events.tell_error(words)
        log.error("system '%s': %s; the worker goes on", self._parts.name, words)

    def _tell_unkillable(self) -> None:
        run, pid = self._active.run, 0
        if run is not None:
            run.is_undead = True
            pid = run.pid
        words = (
            f"process {pid} does not die of SIGKILL (stuck in a device driver of the "
            "kernel?); no second worker is started beside it"
        )
        self.worker_events.tell_error(words)
        log.error("system '%s': %s", self._parts.name, words)

    def _recall_undead(self) -> None:
        if self._active.run is not None and self._active.run.is_undead:
            self.feed(Event.UNKILLABLE)

    def _tell_fatal(self) -> None:
        restart = self._parts.config.restart
        log.error(
            "system '%s': more than %s deaths within %g s; giving up until somebody "
            "puts WORKER:RESTART or START",
            self._parts.name,
            restart.max_restarts,
            restart.window_s,
        )

    def _finish(self) -> None:
        self._monitor.unwatch()
        self._parts.dispatcher.flush("the IOC shuts down")
        self.closed.set()
