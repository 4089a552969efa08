"""Performs the lifecycle table's actions on a real worker process.

Every event goes through `feed`: look up, change phase, tell in one line, perform. The
second firewall of sswd is here: an action that fails is told with the story of the last
steps and does not take the IOC down.

Threading model: the loop's own. Threads are in bridge.py, processes in run.py.
"""

import asyncio
import logging
import time
from collections import deque
from typing import Any, Protocol

from sswd.ioc import ca, lifecycle
from sswd.ioc.backoff import Backoff
from sswd.ioc.bridge import Gone
from sswd.ioc.commands import Cause, Command
from sswd.ioc.desk import Desk
from sswd.ioc.doors import Door
from sswd.ioc.guardian import Guardian
from sswd.ioc.lifecycle import Action, Event, Phase, WorkerState, decide
from sswd.ioc.park import Parker
from sswd.ioc.postmortem import Archive, death_of
from sswd.ioc.publisher import Publisher
from sswd.ioc.run import Run, exit_words
from sswd.ioc.standby import Standby
from sswd.ioc.told import Bucket
from sswd.ioc.vitals import Vitals
from sswd.keys import SystemConfig
from sswd.protocol import (
    PROTOCOL,
    Begin,
    Cancel,
    Execute,
    Failed,
    Loaded,
    Log,
    Message,
    Ready,
    Restore,
    Rung,
    Stop,
    WorkerSpec,
)

log = logging.getLogger("sswd.ioc")
worker_log = logging.getLogger("sswd.worker")

STORY = 20
"""Steps that are told when something is not in the table."""


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

    def declare(self, loaded: Loaded) -> None: ...
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
        self._phase = Phase.STOPPED
        self._events: deque[Event] = deque()
        self._is_feeding = False
        self._story: deque[str] = deque(maxlen=STORY)
        self._timers: dict[Event, asyncio.TimerHandle] = {}
        self._run: Run | None = None
        self._runs = 0
        self._ran_s = 0.0
        self._last_words = "the worker has not been started"
        self._bucket = Bucket()
        self._log_dropped = 0
        self.closed = asyncio.Event()
        """Set once the phase is CLOSED."""
        self._standby = Standby(
            lambda: self._launch(parts.spec), self.feed, is_wanted=parts.config.standby
        )
        park = parts.park_spec
        self._parker = Parker(
            None if park is None else lambda: self._launch(park),
            self.feed,
            parts.config.park_s,
        )
        self._vitals = Vitals(parts.status, restart.stall_s, self._stalled)
        self._perform = {
            action: getattr(self, f"_{action.name.lower()}") for action in Action
        }

    @property
    def phase(self) -> Phase:
        """Where the worker is in its life."""
        return self._phase

    # -- events

    def feed(self, event: Event) -> None:
        """Something happened. Events that actions cause are taken in order."""
        self._events.append(event)
        if self._is_feeding:
            return
        self._is_feeding = True
        try:
            while self._events:
                self._step(self._events.popleft())
        finally:
            self._is_feeding = False

    def _step(self, event: Event) -> None:
        decision = decide(self._phase, event)
        before = self._phase
        if decision.step is None:
            tell = log.error if decision.is_impossible else log.debug
            tell("system '%s': %s", self._parts.name, decision.words)
            if decision.is_impossible:
                log.error("the story: %s", "; ".join(self._story))
            return
        self._phase = decision.step.to
        self._story.append(f"{before.name} + {event.name} -> {self._phase.name}")
        self._show(before, event)
        for action in decision.step.actions:
            try:
                self._perform[action]()
            except Exception:
                log.exception(
                    "system '%s': %s failed; the story: %s",
                    self._parts.name,
                    action.name,
                    "; ".join(self._story),
                )
        if self._phase is Phase.CLOSED:
            self._vitals.unwatch()
            self.closed.set()

    def _show(self, before: Phase, event: Event) -> None:
        state = self._phase.state
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
            words += f" ({self._last_words})"
        return words

    # -- what the worker says (Listener of inflow.py)

    def is_active(self, run: Run) -> bool:
        """Whether this is the run whose posts count."""
        return run is self._run

    def hear(self, run: Run, message: Message) -> None:
        """A message that is no post of the active run."""
        if isinstance(message, Log):
            self._log(run, message)
        elif self._standby.is_mine(run):
            self._standby.hear(message)
        elif self._parker.is_mine(run):
            self._parker.hear(message)
        elif run is self._run:
            self._hear_active(run, message)

    def _hear_active(self, run: Run, message: Message) -> None:
        match message:
            case Loaded():
                self._loaded(run, message)
            case Ready():
                run.ready_s = time.monotonic()
                self.feed(Event.READY)
            case Failed():
                run.failed = message
                error = message.failure
                text = error.traceback or f"{error.kind}: {error.message}"
                ca.post(self._parts.status.LAST_ERROR, _tail(text))
                log.error("%s: %s failed:\n%s", self._who(run), message.doing, text)
            case _:  # Pulse: the bridge has noted the time
                pass

    def _loaded(self, run: Run, loaded: Loaded) -> None:
        run.loaded = loaded
        if loaded.protocol != PROTOCOL:
            log.error(
                "%s speaks protocol %d, the IOC %d: two versions of sswd are mixed; "
                "killing it",
                self._who(run),
                loaded.protocol,
                PROTOCOL,
            )
            run.process.kill_group()
            return
        self._parts.declare(loaded)
        if loaded.restored:
            values = self._parts.publisher.values_of(loaded.restored)
            self._parts.commands.push(Restore(values))
        run.order(Begin())

    def gone(self, run: Run, gone: Gone) -> None:
        """A process has exited and its pipe is drained."""
        code = run.release()
        if self._standby.is_mine(run):
            self._standby.gone(run, exit_words(code))
        elif self._parker.is_mine(run):
            self._parker.gone(run, code)
        elif run is self._run:
            self._died(run, gone, code)

    def _died(self, run: Run, gone: Gone, code: int | None) -> None:
        is_orderly = code == 0 and self._phase.state is WorkerState.STOPPING
        running = self._parts.desk.running
        death = death_of(run, code, gone.tail, running)
        who = self._who(run)
        self._last_words = f"{who} {death.words}"
        self._ran_s = death.was_running_s
        ca.post(self._parts.status.LAST_EXIT, _tail(self._last_words))
        if is_orderly:
            log.info("%s", self._last_words)
        else:
            if death.error and run.failed is None:
                ca.post(self._parts.status.LAST_ERROR, _tail(death.error))
            log.warning("%s", self._last_words)
            self._archive.write(death)
        self.feed(Event.ENDED if is_orderly else Event.DIED)

    def _log(self, run: Run, record: Log) -> None:
        if self._bucket.take():
            text = (
                f"{record.message}\n{record.trace}" if record.trace else record.message
            )
            worker_log.log(
                record.level, "%s: %s: %s", self._who(run), record.logger, text
            )
            return
        self._log_dropped += 1
        if self._log_dropped % 1000 == 1:
            worker_log.warning(
                "%s logs too fast; %d records dropped",
                self._who(run),
                self._log_dropped,
            )

    def _who(self, run: Run) -> str:
        number = f"run {run.number}" if run.number else "not begun"
        return f"worker '{run.name}' ({number})"

    def _stalled(self, is_stalled: bool) -> None:
        self._parts.publisher.stall(is_stalled)
        if not is_stalled:
            log.info("system '%s': the worker is heard again", self._parts.name)
            return
        log.warning(
            "system '%s': no sign of life from the worker for %g s: its GIL is held, or "
            "it is stopped; PVs are INVALID/TIMEOUT until it is heard again",
            self._parts.name,
            self._parts.config.restart.stall_s,
        )
        if self._parts.config.restart.on_stall == "restart":
            self.feed(Event.RECYCLE)

    # -- commands on their way

    def send(self, command: Command) -> None:
        """The desk hands a command to the bridge."""
        self._parts.commands.push(Execute(command.id, command.pv, command.value))

    def climb(self, command: Command, rung: Rung) -> None:
        """The desk asks to end the running command by this means."""
        run = self._run
        if run is None:
            return
        if rung in (Rung.FLAG, Rung.EXCEPTION):
            run.order(Cancel(command.id, rung))
        elif rung is Rung.TERM:
            run.process.terminate()
        else:
            self._kill()

    # -- actions; each is named as in lifecycle.Action

    def _start_run(self) -> None:
        self._runs += 1
        status = self._parts.status
        try:
            run = self._standby.take() or self._launch(self._parts.spec)
        except OSError as ex:
            self._last_words = f"the worker cannot be started: {ex}"
            ca.post(status.LAST_ERROR, self._last_words)
            log.error("system '%s': %s", self._parts.name, self._last_words)
            self.feed(Event.DIED)
            return
        self._run = run
        self._parts.new_run()
        run.begin(self._runs, self._parts.commands)
        ca.post(status.PID, run.pid)
        ca.post(status.RUN, self._runs)
        ca.post(status.RESTARTS, self._runs - 1)
        self._vitals.watch(run)
        self._arm(Event.LATE, lifecycle.LATE_S)
        self._arm(Event.OVERDUE, self._parts.config.restart.start_s)
        if run.loaded is not None:
            self._loaded(run, run.loaded)

    def _launch(self, spec: WorkerSpec) -> Run:
        return Run(spec, self._parts.posts, self._guardian)

    def _load_fresh(self) -> None:
        self._standby.refresh()

    def _prepare_standby(self) -> None:
        self._standby.prepare()

    def _drop_standby(self) -> None:
        self._standby.drop()

    def _abort_for_restart(self) -> None:
        self._parts.desk.cancel(Cause.RESTART)
        self._cancel_setup()

    def _abort_for_stop(self) -> None:
        self._parts.desk.cancel(Cause.STOP)
        self._cancel_setup()

    def _abort_for_shutdown(self) -> None:
        self._parts.desk.cancel(Cause.SHUTDOWN)
        self._cancel_setup()

    def _cancel_setup(self) -> None:
        """A constructor or setup that is under way is command 0 for the worker."""
        if self._run is not None and self._run.ready_s is None:
            self._run.order(Cancel(0, Rung.EXCEPTION))

    def _ask_to_stop(self) -> None:
        if self._run is not None:
            self._run.order(Stop())
        self._arm(Event.STOP_OVERDUE, lifecycle.STOP_S)

    def _kill(self) -> None:
        if self._run is not None:
            self._run.peak_mb = self._run.process.peak_memory_mb()
            self._run.process.kill_group()
        self._arm(Event.UNKILLABLE, lifecycle.KILL_S)

    def _open(self) -> None:
        self._parts.publisher.worker_ready()
        self._parts.desk.worker_up()

    def _lose(self) -> None:
        self._vitals.unwatch()
        self._run = None
        for event in (Event.LATE, Event.OVERDUE, Event.STOP_OVERDUE, Event.UNKILLABLE):
            self._arm(event, None)
        self._parts.commands.clear()
        ca.post(self._parts.status.PID, 0)
        self._parts.publisher.worker_gone()
        self._parts.desk.worker_gone(self._last_words)

    def _flush(self) -> None:
        if self._parts.config.command.on_down == "reject":
            self._parts.desk.flush(self._down_words(self._phase.state))

    def _clear_budget(self) -> None:
        self._backoff.clear()

    def _wait(self) -> None:
        delay_s = self._backoff.died(time.monotonic(), self._ran_s)
        if delay_s is None:
            self.feed(Event.SPENT)
            return
        if delay_s:
            log.info("system '%s': restarting in %g s", self._parts.name, delay_s)
        self._arm(Event.DUE, delay_s)

    def _park(self) -> None:
        self._parker.park()

    def _tell_stale(self) -> None:
        words = f"restart refused, fresh code does not load: {self._standby.words}"
        ca.post(self._parts.status.LAST_ERROR, _tail(words))
        log.error("system '%s': %s; the worker goes on", self._parts.name, words)

    def _tell_unkillable(self) -> None:
        pid = self._run.pid if self._run is not None else 0
        words = (
            f"process {pid} does not die of SIGKILL (stuck in a device driver of the "
            "kernel?); no second worker is started beside it"
        )
        ca.post(self._parts.status.LAST_ERROR, words)
        log.error("system '%s': %s", self._parts.name, words)

    def _tell_fatal(self) -> None:
        restart = self._parts.config.restart
        log.error(
            "system '%s': more than %s deaths within %g s; giving up until somebody "
            "puts %s",
            self._parts.name,
            restart.max_restarts,
            restart.window_s,
            "WORKER:RESTART or START",
        )

    def _arm(self, event: Event, delay_s: float | None) -> None:
        """Feed `event` after `delay_s`; None: not any more."""
        timer = self._timers.pop(event, None)
        if timer is not None:
            timer.cancel()
        if delay_s is not None:
            self._timers[event] = self._loop.call_later(delay_s, self.feed, event)

    def close(self) -> None:
        """Cancel the timers; after CLOSED only."""
        for event in list(self._timers):
            self._arm(event, None)


def _tail(text: str, size: int = 4000) -> str:
    """The end of a text that fits a long string PV; its start when it is one line."""
    chars = text.encode("utf-8", "replace")
    return text if len(chars) <= size else chars[-size:].decode("utf-8", "ignore")
