"""Runs commands one at a time on the main thread and reports how each ended.

One of the two firewalls of sswd: whatever user code raises becomes a Failure here.
SystemExit passes: a system that calls sys.exit ends its worker.
"""

import logging
import traceback
from collections.abc import Callable
from typing import Any

from sswd.config.companions import READBACK
from sswd.errors import SswdError
from sswd.pipe.protocol import Execute, Failure
from sswd.worker.adapter import Adapter
from sswd.worker.freeze import sayable
from sswd.worker.inbox import Inbox, Stopped
from sswd.worker.outbox import Outbox
from sswd.worker.system import Aborted
from sswd.worker.watch import CommandWatch, call_user

log = logging.getLogger("sswd.worker")

MAX_MESSAGE = 4_000  # characters of an exception's words; the rest is cut off
MAX_TRACE = 16_000  # characters of a traceback; its start is cut off
NOT_BEGUN = Failure("Aborted", "cancelled before it began")
ASKED_TO_END = Failure("Aborted", "it returned after it had been asked to end")


def failure_of(ex: BaseException) -> Failure:
    """An exception as text. A broken `__str__` in user code is no excuse to die."""
    try:
        message = str(ex)
    except Exception as broken:  # noqa: BLE001 (firewall around user code)
        message = f"(its message cannot be had: {type(broken).__name__})"
    kind, message = sayable(type(ex).__name__), sayable(message[:MAX_MESSAGE])
    if isinstance(ex, SswdError):  # its words say it all
        return Failure(kind, message)
    trace = "".join(traceback.format_exception(ex, limit=-30))
    return Failure(kind, message, sayable(trace[-MAX_TRACE:]))


class Runner:
    """The main loop of a worker; also the `io_get_queue` of a system with `run()`."""

    def __init__(self, outbox: Outbox, watch: CommandWatch) -> None:
        self._outbox = outbox
        self._watch = watch
        self._running: Execute | None = None
        self._failing: set[str] = set()
        """Periodic methods that failed the last time."""
        self.readbacks: set[str] = set()
        """PVs whose readback is what their handler returns."""
        self._inbox: Inbox | None = None
        self._adapter: Adapter | None = None

    def run(self, adapter: Adapter, inbox: Inbox) -> None:
        """Run commands until Stopped is raised."""
        self._adapter, self._inbox = adapter, inbox
        if adapter.loop is not None:
            self._run_loop(adapter.loop)
        while True:
            if self._take(inbox.next()):
                self._guarded(adapter.execute, self._running)

    # -- io_get_queue of the classic contract

    def get(self, block: bool = True, timeout: float | None = None) -> dict[str, Any]:
        """The next command as {pv: value}; the former one counts as done.

        Raises queue.Empty as queue.Queue does. Main thread only.
        """
        self.task_done()
        assert self._inbox is not None
        assert self._adapter is not None
        while True:
            command = self._inbox.next(timeout if block else 0.0)
            if self._take(command):
                return {command.pv: self._adapter.translate(command.value)}

    def task_done(self) -> None:
        """The command that `get` returned has ended."""
        if self._running is not None:
            self._finish(None)

    def run_periodic(self, method: Callable[[], Any]) -> None:
        """Call an `@every` method. A failure is never fatal, and told when it begins
        and when it ends, not each time."""
        name = method.__name__
        try:
            call_user(method)
        except Exception:
            if name not in self._failing:
                self._failing.add(name)
                log.exception(
                    "periodic method %s failed; not logged again until it works", name
                )
        else:
            if name in self._failing:
                self._failing.discard(name)
                log.info("periodic method %s works again", name)

    # -- inside

    def _run_loop(self, loop: Callable[[], Any]) -> None:
        """Keep a system's own `run()` going; returning from it ends the worker."""
        while True:
            try:
                call_user(loop)
            except Aborted as ex:
                self._finish(failure_of(ex))
            except Exception as ex:
                if self._running is None:
                    raise
                self._finish(failure_of(ex))
            else:
                log.error("the system's run() returned; the worker ends")
                raise SystemExit(0)

    def _take(self, command: Execute) -> bool:
        if not self._watch.begin(command.id):
            self._outbox.finish(command.id, NOT_BEGUN)
            return False
        self._running = command
        return True

    def _guarded(self, execute: Callable[..., Any], command: Execute | None) -> None:
        assert command is not None
        failure = None
        try:
            returned = call_user(execute, command.pv, command.value)
            if returned is not None and command.pv in self.readbacks:
                self._outbox.post({command.pv + READBACK: returned})
        except (SystemExit, Stopped):
            raise
        except BaseException as ex:  # noqa: BLE001 (firewall around user code)
            failure = failure_of(ex)
        self._finish(failure)

    def _finish(self, failure: Failure | None) -> None:
        command, self._running = self._running, None
        was_cancelled = self._watch.end()
        if command is not None:
            if was_cancelled and failure is None:
                failure = ASKED_TO_END
            self._outbox.finish(command.id, failure)
