"""Performs the lifecycle table's actions on real worker processes.

Events go through state_machine.py; worker_events.py receives what workers say and how
they end; here is what is done about it. No policy: an `if` about one belongs into a
table.

Threading model: the loop's own. Threads are in bridge.py, processes in run.py.
"""

import asyncio
import logging
import time
from typing import Any, Protocol

from sswd.config.keys import SystemConfig
from sswd.ioc import ca
from sswd.ioc.commands.dispatcher import CommandDispatcher
from sswd.ioc.commands.ledger import Cause, Command
from sswd.ioc.process.guardian import Guardian
from sswd.ioc.process.queues import EventfdQueue
from sswd.ioc.process.run import Run
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.supervision import lifecycle
from sswd.ioc.supervision.backoff import Backoff
from sswd.ioc.supervision.health import Health
from sswd.ioc.supervision.lifecycle import Action, Event, Phase, WorkerState
from sswd.ioc.supervision.monitor import Monitor
from sswd.ioc.supervision.park import Parker
from sswd.ioc.supervision.postmortem import Archive
from sswd.ioc.supervision.standby import Standby
from sswd.ioc.supervision.state_machine import StateMachine
from sswd.ioc.supervision.worker_events import WorkerEvents, WorkerProcesses
from sswd.pipe.codec import sendable
from sswd.pipe.protocol import Cancel, Execute, Loaded, Rung, WorkerSpec

log = logging.getLogger("sswd.ioc")


class Parts(Protocol):
    """What the supervisor works on; made by system.py."""

    name: str
    config: SystemConfig
    spec: WorkerSpec
    park_spec: WorkerSpec | None
    commands: EventfdQueue
    posts: EventfdQueue
    publisher: Publisher
    dispatcher: CommandDispatcher
    status: Any

    @property
    def running(self) -> Command | None: ...
    def declare(self, loaded: Loaded) -> None: ...
    def restore(self, loaded: Loaded) -> None: ...
    def new_run(self) -> None: ...


class Supervisor:
    """Keeps one system's worker in the state that operators and events ask for."""

    def __init__(self, parts: Parts, guardian: Guardian, archive: Archive) -> None:
        self._parts = parts
        self._guardian = guardian
        self._archive = archive
        self._loop = asyncio.get_running_loop()
        restart = parts.config.restart
        self._backoff = Backoff(
            restart.delay_s, restart.max_delay_s, restart.max_restarts, restart.window_s
        )
        self._timers: dict[Event, asyncio.TimerHandle] = {}
        self._runs = 0
        self.closed = asyncio.Event()
        """Set once the phase is CLOSED."""
        perform = {a: getattr(self, f"_{a.name.lower()}") for a in Action}
        self._state_machine = StateMachine(parts.name, perform, self._phase_changed)
        self._processes = WorkerProcesses(self._make_standby(), self._make_parker())
        self.worker_events = WorkerEvents(parts, self._processes, self.feed, archive)
        health = Health(parts.name, parts.config, parts.publisher, self.feed)
        self._monitor = Monitor(
            parts.status, restart.stall_s, health, lambda: parts.running is None
        )

    def _make_standby(self) -> Standby:
        config = self._parts.config
        return Standby(
            lambda: self._launch(self._parts.spec),
            self.feed,
            is_wanted=config.standby,
            import_s=config.restart.start_s,
        )

    def _make_parker(self) -> Parker:
        park = self._parts.park_spec
        launch = None if park is None else lambda: self._launch(park)
        return Parker(launch, self.feed, self._parts.config.park_s)

    def _launch(self, spec: WorkerSpec) -> Run:
        run = Run(spec, self._parts.posts, self._guardian)
        self._processes.held.add(run)
        return run

    # -- from outside

    @property
    def phase(self) -> Phase:
        """Where the worker is in its life."""
        return self._state_machine.phase

    def feed(self, event: Event) -> None:
        """Something happened, or an operator said something."""
        self._state_machine.feed(event)

    def send(self, command: Command) -> None:
        """The desk hands a command to the bridge."""
        assert self._processes.active is not None
        value = sendable(command.value)
        self._processes.active.execute(Execute(command.id, command.pv, value))

    def escalate(self, command: Command, rung: Rung) -> None:
        """The desk asks to end the running command by this means."""
        run = self._processes.active
        if run is None:
            return
        if rung in (Rung.FLAG, Rung.EXCEPTION):
            run.order(Cancel(command.id, rung))
        elif rung is Rung.TERM:
            run.process.terminate()
        else:
            self._kill("its command could not be ended otherwise")

    def dump_stacks(self) -> None:
        """Have the worker write the stacks of its threads into the log."""
        if self._processes.active is not None:
            self._processes.active.dump_stacks()

    @property
    def holds(self) -> bool:
        """Whether a process is there, or one whose end is still to be heard."""
        return bool(self._processes.held)

    @property
    def holds_undead(self) -> bool:
        """Whether the worker is there after CLOSED: nothing can end it."""
        return self._processes.active is not None

    def close(self) -> None:
        """Cancel the timers; after CLOSED only."""
        for event in list(self._timers):
            self._arm(event, None)
        self._archive.close()

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
            words += f" ({self.worker_events.last_words})"
        return words

    # -- actions; each is named as in lifecycle.Action

    def _start_run(self) -> None:
        self._runs += 1
        status = self._parts.status
        try:
            run = self._processes.standby.take() or self._launch(self._parts.spec)
        except OSError as ex:
            self._cannot_start(ex)
            return
        self._processes.active = run
        self._parts.new_run()
        run.begin(self._runs, self._parts.commands)
        ca.post(status.PID, run.pid)
        ca.post(status.RUN, self._runs)
        ca.post(status.RESTARTS, self._runs - 1)
        self._monitor.watch(run)
        self._arm(Event.LATE, lifecycle.LATE_S)
        self._arm(Event.OVERDUE, self._parts.config.restart.start_s)
        if run.loaded is not None:
            self.worker_events.loaded(run, run.loaded)

    def _cannot_start(self, ex: OSError) -> None:
        words = f"the worker cannot be started: {ex}"
        self.worker_events.last_words, self.worker_events.ran_s = words, 0.0
        self.worker_events.tell_error(words)
        log.error("system '%s': %s", self._parts.name, words)
        self.feed(Event.DIED)

    def _load_fresh(self) -> None:
        self._processes.standby.refresh()

    def _prepare_standby(self) -> None:
        self._processes.standby.prepare()

    def _drop_standby(self) -> None:
        self._processes.standby.drop()

    def _abort_for_restart(self) -> None:
        self._cancel(Cause.RESTART)

    def _abort_for_stop(self) -> None:
        self._cancel(Cause.STOP)

    def _abort_for_shutdown(self) -> None:
        self._cancel(Cause.SHUTDOWN)

    def _cancel(self, cause: Cause) -> None:
        self._parts.dispatcher.cancel(cause)
        run = self._processes.active
        if run is not None and run.ready_s is None:
            # A constructor or setup under way is command 0 for the worker.
            run.order(Cancel(0, Rung.EXCEPTION))

    def _ask_to_stop(self) -> None:
        if self._processes.active is not None:
            self._processes.active.stop()
        self._arm(Event.STOP_OVERDUE, lifecycle.STOP_S)

    def _kill_late_starter(self) -> None:
        start_s = self._parts.config.restart.start_s
        self._kill(f"it was not RUNNING within start_s = {start_s:g} s")

    def _kill_late_closer(self) -> None:
        self._kill("it had been asked to stop and did not")

    def _kill(self, reason: str) -> None:
        if self._processes.active is not None:
            self._processes.active.kill(reason)
        self._arm(Event.UNKILLABLE, lifecycle.KILL_S)

    def _accept_commands(self) -> None:
        self._parts.publisher.worker_ready()
        self._parts.dispatcher.worker_up()

    def _on_lost(self) -> None:
        self._monitor.unwatch()
        self._processes.active = None
        for event in (Event.LATE, Event.OVERDUE, Event.STOP_OVERDUE, Event.UNKILLABLE):
            self._arm(event, None)
        self._parts.commands.clear()
        ca.post(self._parts.status.PID, 0)
        self._parts.publisher.worker_gone(self.worker_events.last_words)
        self._parts.dispatcher.worker_gone(self.worker_events.last_words)

    def _flush(self) -> None:
        if self._parts.config.command.on_down == "reject":
            self._parts.dispatcher.flush(self._down_words(self.phase.state))

    def _clear_budget(self) -> None:
        self._backoff.clear()

    def _wait(self) -> None:
        delay_s = self._backoff.died(time.monotonic(), self.worker_events.ran_s)
        if delay_s is None:
            self.feed(Event.SPENT)
            return
        if delay_s:
            log.info("system '%s': restarting in %g s", self._parts.name, delay_s)
        self._arm(Event.DUE, delay_s)

    def _park(self) -> None:
        self._processes.parker.park()

    def _tell_stale(self) -> None:
        standby = self._processes.standby
        words = f"restart refused, fresh code does not load: {standby.words}"
        self.worker_events.tell_error(words)
        log.error("system '%s': %s; the worker goes on", self._parts.name, words)

    def _tell_unkillable(self) -> None:
        pid = 0
        if self._processes.active is not None:
            self._processes.active.is_undead = True
            pid = self._processes.active.pid
        words = (
            f"process {pid} does not die of SIGKILL (stuck in a device driver of the "
            "kernel?); no second worker is started beside it"
        )
        self.worker_events.tell_error(words)
        log.error("system '%s': %s", self._parts.name, words)

    def _recall_undead(self) -> None:
        if self._processes.active is not None and self._processes.active.is_undead:
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

    def _arm(self, event: Event, delay_s: float | None) -> None:
        """Feed `event` after `delay_s`; None: not any more."""
        timer = self._timers.pop(event, None)
        if timer is not None:
            timer.cancel()
        if delay_s is not None:
            self._timers[event] = self._loop.call_later(delay_s, self.feed, event)
