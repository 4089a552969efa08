"""What the worker processes of one system send that is no post, and how they end.

There may be three of them: the active one, the standby and the park routine. Facts go
to the state machine as events; words go into the log, the PVs and the ActiveRun.

Threading model: the loop's own.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable

from sswd.ioc import ca
from sswd.ioc.process.bridge import Gone
from sswd.ioc.process.run import Run
from sswd.ioc.supervision.lifecycle import Event
from sswd.ioc.supervision.link_status import LinkStatus
from sswd.ioc.supervision.log_levels import LogLevels
from sswd.ioc.supervision.park import Parker
from sswd.ioc.supervision.parts import SystemParts
from sswd.ioc.supervision.postmortem import death_of
from sswd.ioc.supervision.standby import Standby
from sswd.logs import log_with_trace
from sswd.pipe.protocol import (
    PROTOCOL,
    Failed,
    Leaving,
    LinkState,
    Loaded,
    Log,
    Message,
    Pulse,
    ReadState,
    Ready,
)
from sswd.ratelimit import OncePerPeriod, TokenBucket
from sswd.sizes import COUNTER_MODULUS, STATUS_BYTES

LEAVE_S = 6.0
"""A worker that has said that it leaves is gone by then, or is killed. It has 3.5 s, by
timers of its own; but what runs at its end may cancel those."""

log = logging.getLogger("sswd.ioc")
worker_log = logging.getLogger("sswd.worker")


class WorkerProcesses:
    """The worker processes of one system besides the active one, and all of them."""

    def __init__(self, standby: Standby, parker: Parker) -> None:
        self.standby = standby
        self.parker = parker
        self.held: set[Run] = set()
        """All whose Gone has not come yet."""


class WorkerEvents:
    """Called by receiver.py with all that is no post of the active run."""

    def __init__(
        self,
        parts: SystemParts,
        processes: WorkerProcesses,
        feed: Callable[[Event], None],
        link: LinkStatus,
        levels: LogLevels,
    ) -> None:
        self._levels = levels
        self._parts = parts
        self._processes = processes
        self._feed = feed
        self._link = link
        self._leaving: dict[Run, asyncio.TimerHandle] = {}
        self._bucket = TokenBucket()
        self._drops_logged = OncePerPeriod(1.0)

    def on_message(self, run: Run, message: Message) -> None:
        """A message that is no post of the active run."""
        if isinstance(message, Log):
            self._log(run, message)
        elif isinstance(message, Leaving):
            self._leaves(run)
        elif self._processes.standby.is_mine(run):
            self._processes.standby.on_message(run, message)
        elif self._processes.parker.is_mine(run):
            self._processes.parker.on_message(message)
        elif run is self._parts.active.run:
            self._on_active_message(run, message)

    def _on_active_message(self, run: Run, message: Message) -> None:
        match message:
            case Loaded() if run.loaded is not None:
                run.kill("it said twice that it has imported its class")
            case Ready() if run.ready_s is not None:
                pass
            case Failed() if run.failed is not None:
                pass  # it says so once; a worker that repeats it has gone wrong
            case Loaded():
                run.loaded = message
                self.loaded(run, message)
            case Ready():
                run.ready_s = time.monotonic()
                self._parts.on_ready(run, functools.partial(self._ready, run))
            case ReadState():
                self._link.on_read_state(message)
            case LinkState():
                self._link.on_link_state(run, message)
            case Failed():
                run.failed = message
                error = message.failure
                text = error.traceback or f"{error.kind}: {error.message}"
                self.tell_error(text)
                log_with_trace(
                    log,
                    logging.ERROR,
                    error.traceback,
                    "%s: %s failed: %s: %s",
                    run.who,
                    message.doing,
                    error.kind,
                    error.message,
                )
            case Pulse():  # the bridge has noted the time
                self._conflated(run, message.conflated)
            case _:
                self._parts.on_request(message)

    def _conflated(self, run: Run, conflated: int) -> None:
        """A run has told how many of its posts it replaced so far."""
        new, run.conflated = max(0, conflated - run.conflated), conflated
        if new:
            pv = self._parts.status.CONFLATED
            ca.post(pv, (pv.value + new) % COUNTER_MODULUS)

    def loaded(self, run: Run, loaded: Loaded) -> None:
        """The active run has imported its module: serve its PVs, let it begin."""
        if loaded.protocol != PROTOCOL:
            log.error(
                "%s uses protocol %d, the IOC %d: two versions of sswd are mixed; "
                "killing it",
                run.who,
                loaded.protocol,
                PROTOCOL,
            )
            run.kill("it belongs to another version of sswd")
            return
        self._link.loaded(loaded)
        self._levels.tell(run)
        self._parts.on_loaded(loaded, functools.partial(self._let_begin, run))

    def _let_begin(self, run: Run) -> None:
        """Its PVs are served. It may have ended meanwhile."""
        if run is self._parts.active.run:
            run.let_begin()

    def _ready(self, run: Run) -> None:
        """It has its setpoints. It may have ended meanwhile."""
        if run is self._parts.active.run:
            self._link.ready()
            self._feed(Event.READY)

    def gone(self, run: Run, gone: Gone) -> None:
        """A process has exited and its pipe is drained."""
        code = run.release()
        self._processes.held.discard(run)
        if run in self._leaving:
            self._leaving.pop(run).cancel()
        if self._processes.standby.is_mine(run):
            self._processes.standby.gone(run, code)
        elif self._processes.parker.is_mine(run):
            self._processes.parker.gone(run, code)
        elif run is self._parts.active.run:
            self._ended(run, gone, code)

    def _ended(self, run: Run, gone: Gone, code: int | None) -> None:
        death = death_of(run, code, gone.tail, self._parts.dispatcher.running)
        words = f"{run.who} {death.words}"
        self._parts.active.note_end(words, death.was_running_s)
        ca.post(self._parts.status.LAST_EXIT, tail(words))
        if code == 0 and run.was_asked:
            log.info("%s", words)
        else:
            if death.error and run.failed is None:
                self.tell_error(death.error)
            log.warning("%s", words)
            self._parts.archive.write(death)
        self._feed(Event.ENDED if code == 0 else Event.DIED)

    def _leaves(self, run: Run) -> None:
        """It takes no more commands. Its end has a deadline, whatever hangs in it."""
        if run in self._processes.held and run not in self._leaving:
            loop = asyncio.get_running_loop()
            self._leaving[run] = loop.call_later(LEAVE_S, self._kill_late, run)

    def _kill_late(self, run: Run) -> None:
        reason = f"its exit was not done within {LEAVE_S:g} s"
        run.dump_stacks(at_once=True)
        log.warning("%s: %s: something hangs that runs at exit", run.who, reason)
        if run is self._parts.active.run:
            self._parts.active.kill(reason)
        else:
            run.kill(reason)

    def tell_error(self, text: str) -> None:
        """Show the end of a text in LAST_ERROR."""
        ca.post(self._parts.status.LAST_ERROR, tail(text))

    def _log(self, run: Run, record: Log) -> None:
        if self._bucket.take():
            text = f"{run.who}: {record.logger}: {record.message}"
            log_with_trace(worker_log, record.level, record.trace, "%s", text)
            return
        if self._drops_logged.take() is not None:
            dropped = self._bucket.collect_kept_back()
            worker_log.warning("%s logs too fast; %d records dropped", run.who, dropped)


def tail(text: str, size: int = STATUS_BYTES) -> str:
    """The end of a text that fits a long string PV."""
    chars = text.encode("utf-8", "replace")
    return text if len(chars) <= size else chars[-size:].decode("utf-8", "ignore")
