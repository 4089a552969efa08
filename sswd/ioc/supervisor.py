"""Performs the lifecycle table's actions on real worker processes.

Events go through machine.py; what workers say and how they end is heard in witness.py;
here is what is done about it. No policy: an `if` about one belongs into a table.

Threading model: the loop's own. Threads are in bridge.py, processes in run.py.
"""

import asyncio
import logging
import time
from typing import Any, Protocol

from sswd.codec import sendable
from sswd.ioc import ca, lifecycle
from sswd.ioc.backoff import Backoff
from sswd.ioc.commands import Cause, Command
from sswd.ioc.desk import Desk
from sswd.ioc.doctor import Doctor
from sswd.ioc.doors import Door
from sswd.ioc.guardian import Guardian
from sswd.ioc.lifecycle import Action, Event, Phase, WorkerState
from sswd.ioc.machine import Machine
from sswd.ioc.park import Parker
from sswd.ioc.postmortem import Archive
from sswd.ioc.publisher import Publisher
from sswd.ioc.run import Run
from sswd.ioc.standby import Standby
from sswd.ioc.vitals import Vitals
from sswd.ioc.witness import Crew, Witness
from sswd.keys import SystemConfig
from sswd.protocol import Cancel, Execute, Loaded, Rung, WorkerSpec

log = logging.getLogger("sswd.ioc")


class Parts(Protocol):
    """What the supervisor works on; made by system.py."""

    name: str
    config: SystemConfig
    spec: WorkerSpec
    park_spec: WorkerSpec | None
    commands: Door
    posts: Door
    publisher: Publisher
    desk: Desk
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
        self._machine = Machine(parts.name, perform, self._show)
        self._crew = Crew(self._make_standby(), self._make_parker())
        self.witness = Witness(parts, self._crew, self.feed, archive)
        doctor = Doctor(parts.name, parts.config, parts.publisher, self.feed)
        self._vitals = Vitals(
            parts.status, restart.stall_s, doctor, lambda: parts.running is None
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
        self._crew.held.add(run)
        return run

    # -- from outside

    @property
    def phase(self) -> Phase:
        """Where the worker is in its life."""
        return self._machine.phase

    def feed(self, event: Event) -> None:
        """Something happened, or an operator said something."""
        self._machine.feed(event)

    def send(self, command: Command) -> None:
        """The desk hands a command to the bridge."""
        assert self._crew.active is not None
        value = sendable(command.value)
        self._crew.active.execute(Execute(command.id, command.pv, value))

    def climb(self, command: Command, rung: Rung) -> None:
        """The desk asks to end the running command by this means."""
        run = self._crew.active
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
        if self._crew.active is not None:
            self._crew.active.dump_stacks()

    @property
    def holds(self) -> bool:
        """Whether a process is there, or one whose end is still to be heard."""
        return bool(self._crew.held)

    @property
    def holds_undead(self) -> bool:
        """Whether the worker is there after CLOSED: nothing can end it."""
        return self._crew.active is not None

    def close(self) -> None:
        """Cancel the timers; after CLOSED only."""
        for event in list(self._timers):
            self._arm(event, None)
        self._archive.close()

    # -- a step of the table

    def _show(self, before: Phase, event: Event, after: Phase) -> None:
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
            self._parts.desk.worker_down(self._down_words(state))
        ca.post(self._parts.status.STATE, int(state))

    def _down_words(self, state: WorkerState) -> str:
        words = f"the worker is {state.name}"
        if state in (WorkerState.BACKOFF, WorkerState.FATAL):
            words += f" ({self.witness.last_words})"
        return words

    # -- actions; each is named as in lifecycle.Action

    def _start_run(self) -> None:
        self._runs += 1
        status = self._parts.status
        try:
            run = self._crew.standby.take() or self._launch(self._parts.spec)
        except OSError as ex:
            self._cannot_start(ex)
            return
        self._crew.active = run
        self._parts.new_run()
        run.begin(self._runs, self._parts.commands)
        ca.post(status.PID, run.pid)
        ca.post(status.RUN, self._runs)
        ca.post(status.RESTARTS, self._runs - 1)
        self._vitals.watch(run)
        self._arm(Event.LATE, lifecycle.LATE_S)
        self._arm(Event.OVERDUE, self._parts.config.restart.start_s)
        if run.loaded is not None:
            self.witness.loaded(run, run.loaded)

    def _cannot_start(self, ex: OSError) -> None:
        words = f"the worker cannot be started: {ex}"
        self.witness.last_words, self.witness.ran_s = words, 0.0
        self.witness.tell_error(words)
        log.error("system '%s': %s", self._parts.name, words)
        self.feed(Event.DIED)

    def _load_fresh(self) -> None:
        self._crew.standby.refresh()

    def _prepare_standby(self) -> None:
        self._crew.standby.prepare()

    def _drop_standby(self) -> None:
        self._crew.standby.drop()

    def _abort_for_restart(self) -> None:
        self._cancel(Cause.RESTART)

    def _abort_for_stop(self) -> None:
        self._cancel(Cause.STOP)

    def _abort_for_shutdown(self) -> None:
        self._cancel(Cause.SHUTDOWN)

    def _cancel(self, cause: Cause) -> None:
        self._parts.desk.cancel(cause)
        run = self._crew.active
        if run is not None and run.ready_s is None:
            # A constructor or setup under way is command 0 for the worker.
            run.order(Cancel(0, Rung.EXCEPTION))

    def _ask_to_stop(self) -> None:
        if self._crew.active is not None:
            self._crew.active.stop()
        self._arm(Event.STOP_OVERDUE, lifecycle.STOP_S)

    def _kill_late_starter(self) -> None:
        start_s = self._parts.config.restart.start_s
        self._kill(f"it was not RUNNING within start_s = {start_s:g} s")

    def _kill_late_closer(self) -> None:
        self._kill("it had been asked to stop and did not")

    def _kill(self, reason: str) -> None:
        if self._crew.active is not None:
            self._crew.active.kill(reason)
        self._arm(Event.UNKILLABLE, lifecycle.KILL_S)

    def _open(self) -> None:
        self._parts.publisher.worker_ready()
        self._parts.desk.worker_up()

    def _lose(self) -> None:
        self._vitals.unwatch()
        self._crew.active = None
        for event in (Event.LATE, Event.OVERDUE, Event.STOP_OVERDUE, Event.UNKILLABLE):
            self._arm(event, None)
        self._parts.commands.clear()
        ca.post(self._parts.status.PID, 0)
        self._parts.publisher.worker_gone()
        self._parts.desk.worker_gone(self.witness.last_words)

    def _flush(self) -> None:
        if self._parts.config.command.on_down == "reject":
            self._parts.desk.flush(self._down_words(self.phase.state))

    def _clear_budget(self) -> None:
        self._backoff.clear()

    def _wait(self) -> None:
        delay_s = self._backoff.died(time.monotonic(), self.witness.ran_s)
        if delay_s is None:
            self.feed(Event.SPENT)
            return
        if delay_s:
            log.info("system '%s': restarting in %g s", self._parts.name, delay_s)
        self._arm(Event.DUE, delay_s)

    def _park(self) -> None:
        self._crew.parker.park()

    def _tell_stale(self) -> None:
        standby = self._crew.standby
        words = f"restart refused, fresh code does not load: {standby.words}"
        self.witness.tell_error(words)
        log.error("system '%s': %s; the worker goes on", self._parts.name, words)

    def _tell_unkillable(self) -> None:
        pid = 0
        if self._crew.active is not None:
            self._crew.active.is_undead = True
            pid = self._crew.active.pid
        words = (
            f"process {pid} does not die of SIGKILL (stuck in a device driver of the "
            "kernel?); no second worker is started beside it"
        )
        self.witness.tell_error(words)
        log.error("system '%s': %s", self._parts.name, words)

    def _recall_undead(self) -> None:
        if self._crew.active is not None and self._crew.active.is_undead:
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
        self._vitals.unwatch()
        self._parts.desk.flush("the IOC shuts down")
        self.closed.set()

    def _arm(self, event: Event, delay_s: float | None) -> None:
        """Feed `event` after `delay_s`; None: not any more."""
        timer = self._timers.pop(event, None)
        if timer is not None:
            timer.cancel()
        if delay_s is not None:
            self._timers[event] = self._loop.call_later(delay_s, self.feed, event)
