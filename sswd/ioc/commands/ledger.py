"""The ledger of commands: ids, FIFO, deadlines, fates. Pure; dispatcher.py performs.

Every method that changes something returns instructions, in the order in which they
are to be performed within one turn of the loop. A command ends in exactly one of
DONE FAILED TIMEOUT ABORTED LOST REJECTED and is settled exactly once.

The cause decides the fate: a command that ends after its Cancel was sent is ABORTED (by
deadline: TIMEOUT) whatever it returned. LOST only when the worker died unasked.
REJECTED only for refusals in the IOC: it never ran.
"""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from sswd.ioc.commands.command import Cause, Command, CommandState
from sswd.pipe.protocol import Failure, Rung


class Worker(Enum):
    """What the ledger needs to know of the worker."""

    NOT_YET = "not yet running"
    """The very first start: commands wait for it."""
    UP = "running"
    DOWN = "down"


class Send(NamedTuple):
    """Hand the command to the bridge."""

    command: Command


class Tell(NamedTuple):
    """The command's state or error changed: write the CMD_* PVs."""

    command: Command


class Settle(NamedTuple):
    """The command has ended: complete its put."""

    command: Command


class Escalate(NamedTuple):
    """Use this means to end the running command."""

    command: Command
    rung: Rung


Instruction = Send | Tell | Settle | Escalate


@dataclass(frozen=True)
class Policy:
    """The `command` table of a system's configuration, and its PVs' own words."""

    queue: int = 64
    timeout_s: float | None = None
    on_restart: str = "flush"
    on_down: str = "reject"
    abort_s: tuple[float, float, float] = (1.0, 2.0, 2.0)
    """Dwell on FLAG, EXCEPTION and TERM before the next rung."""
    latest: frozenset[str] = frozenset()
    """PVs of which a newer queued setpoint replaces the older."""
    timeouts_s: Mapping[str, float] = field(default_factory=dict)
    """PVs with a deadline of their own."""


class Ledger:
    """All commands of one system. Not thread-safe: the loop's own."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        """May be replaced: it is asked when something happens."""
        self._last_id = 0
        self._queue: deque[Command] = deque()
        self._worker = Worker.NOT_YET
        self._down_words = "the worker has not been started"
        self._link_words = ""
        self._on_link_down = "run"
        self._is_held = False
        self.running: Command | None = None

    @property
    def queued(self) -> int:
        """How many commands wait (the running one is not among them)."""
        return len(self._queue)

    # -- commands come

    def submit(
        self, pv: str, value: object, now_s: float
    ) -> tuple[Command, list[Instruction]]:
        """Accept or refuse one command."""
        self._last_id += 1
        timeout_s = self.policy.timeouts_s.get(pv, self.policy.timeout_s)
        command = Command(self._last_id, pv, value, timeout_s)
        done: list[Instruction] = []
        if self._worker is Worker.DOWN and self.policy.on_down == "reject":
            return command, self._reject(command, self._down_words, now_s)
        if self._link_words and self._on_link_down == "reject":
            return command, self._reject(command, self._link_words, now_s)
        if pv in self.policy.latest:
            done += self._supersede(command, now_s)
        if len(self._queue) >= self.policy.queue:
            words = f"queue full: {len(self._queue)} commands wait already"
            return command, done + self._reject(command, words, now_s)
        self._queue.append(command)
        started = self._start_next(now_s)
        return command, done + (started or [Tell(command)])

    def refuse(
        self, pv: str, value: object, words: str, now_s: float
    ) -> tuple[Command, list[Instruction]]:
        """Enter a command that is refused for its value (limits, type)."""
        self._last_id += 1
        command = Command(self._last_id, pv, value)
        return command, self._reject(command, words, now_s)

    def reapply(
        self, pv: str, value: object, now_s: float
    ) -> tuple[Command, list[Instruction]]:
        """A setpoint that runs again before the commands that wait. Only while none
        runs and none can begin: the worker is not up yet, or they are held."""
        assert self.running is None
        self._last_id += 1
        timeout_s = self.policy.timeouts_s.get(pv, self.policy.timeout_s)
        command = Command(self._last_id, pv, value, timeout_s)
        return command, self._run(command, now_s)

    @property
    def open(self) -> list[Command]:
        """The command that runs, then those that wait, in their order."""
        return [*([] if self.running is None else [self.running]), *self._queue]

    def has_waiting(self, pv: str) -> bool:
        """Whether a command of this PV waits."""
        return any(command.pv == pv for command in self._queue)

    # -- commands end

    def finished(
        self, command_id: int, failure: Failure | None, now_s: float
    ) -> list[Instruction]:
        """The worker says that a command has ended. Another than ours is ignored."""
        command = self.running
        if command is None or command.id != command_id:
            return []
        if failure is not None and failure.kind != "Aborted":
            command.traceback = failure.traceback
        if command.cause is not None:
            state, words = command.cause.fate, command.error or command.cause.words
        elif failure is not None:
            state = CommandState.FAILED
            words = f"{failure.kind}: {failure.message}".replace("\n", " ")
        else:
            state, words = CommandState.DONE, ""
        self.running = None
        return self._end(command, state, words, now_s) + self._start_next(now_s)

    def cancel(self, cause: Cause, now_s: float) -> list[Instruction]:
        """Begin to end the running command; the first cause stays its cause, unless
        that was too mild to end every command."""
        command = self.running
        if command is None or not (
            command.cause is None or command.cause.yields_to(cause)
        ):
            return []
        command.cause, command.rung = cause, 0
        command.error = cause.words or (
            f"timeout: not ended within {command.timeout_s:g} s; asked to end"
        )
        return [Tell(command), self._escalate(command, now_s)]

    def withdraw(
        self, pvs: Collection[str], cause: Cause, now_s: float
    ) -> list[Instruction]:
        """End the commands on these PVs: the running one by its ladder, waiting ones
        are rejected."""
        done: list[Instruction] = []
        for command in [c for c in self._queue if c.pv in pvs]:
            self._queue.remove(command)
            done += self._reject(command, cause.words, now_s)
        if self.running is not None and self.running.pv in pvs:
            done += self.cancel(cause, now_s)
        return done

    def flush(self, words: str, now_s: float) -> list[Instruction]:
        """Reject every waiting command."""
        done: list[Instruction] = []
        while self._queue:
            done += self._reject(self._queue.popleft(), words, now_s)
        return done

    def tick(self, now_s: float) -> list[Instruction]:
        """Perform what is due: the deadline, or the next rung of the ladder."""
        command = self.running
        if command is None:
            return []
        if command.cause is None:
            overdue = self._deadline_s(command)
            if overdue is not None and now_s >= overdue:
                return self.cancel(Cause.DEADLINE, now_s)
        elif command.rung_due_s is not None and now_s >= command.rung_due_s:
            command.rung += 1
            escalate = self._escalate(command, now_s)
            words = command.error.partition("; now ")[0]
            command.error = f"{words}; now by {escalate.rung.value}"
            return [Tell(command), escalate]
        return []

    def due_s(self) -> float | None:
        """When `tick` has something to do; None: nothing is pending."""
        command = self.running
        if command is None:
            return None
        return (
            self._deadline_s(command) if command.cause is None else command.rung_due_s
        )

    # -- the worker comes and goes

    def worker_up(self, now_s: float) -> list[Instruction]:
        """The worker is RUNNING: go on."""
        self._worker = Worker.UP
        return self._start_next(now_s)

    def worker_down(self, words: str) -> None:
        """The worker is not to get commands from now on, for the reason in `words`.

        During the very first start it was not to get any yet.
        """
        if self._worker is Worker.UP:
            self._worker = Worker.DOWN
        self._down_words = words

    def worker_gone(self, words: str, now_s: float) -> list[Instruction]:
        """The worker's process is gone and its pipe drained, as `words` say."""
        self._worker, self._is_held = Worker.DOWN, False
        command, self.running = self.running, None
        done: list[Instruction] = []
        if command is not None:
            cause = command.cause
            if cause is None:
                done += self._end(command, CommandState.LOST, f"lost: {words}", now_s)
            else:
                text = command.error or cause.words
                done += self._end(command, cause.fate, f"{text}; {words}", now_s)
        if self.policy.on_restart == "flush":
            done += self.flush(f"not run: {words}", now_s)
        return done

    def hold(self) -> None:
        """Begin no command that waits."""
        self._is_held = True

    def release(self, now_s: float) -> list[Instruction]:
        """Go on after `hold`."""
        self._is_held = False
        return self._start_next(now_s)

    # -- the link to the instrument comes and goes

    def link_down(self, words: str, how: str, now_s: float) -> list[Instruction]:
        """There is no link: "reject" commands, let them "wait", or "run" them."""
        self._link_words, self._on_link_down = words, how
        return self.flush(words, now_s) if how == "reject" else []

    def link_up(self, now_s: float) -> list[Instruction]:
        """The link is there: go on."""
        self._link_words = ""
        return self._start_next(now_s)

    # -- inside

    def _start_next(self, now_s: float) -> list[Instruction]:
        if self._worker is not Worker.UP or self.running or not self._queue:
            return []
        if self._is_held or (self._link_words and self._on_link_down == "wait"):
            return []
        return self._run(self._queue.popleft(), now_s)

    def _run(self, command: Command, now_s: float) -> list[Instruction]:
        self.running = command
        command.state, command.started_s = CommandState.RUNNING, now_s
        return [Send(command), Tell(command)]

    def _supersede(self, newer: Command, now_s: float) -> list[Instruction]:
        older = next((c for c in self._queue if c.pv == newer.pv), None)
        if older is None:
            return []
        self._queue.remove(older)
        return self._reject(older, f"superseded by command {newer.id}", now_s)

    def _reject(self, command: Command, words: str, now_s: float) -> list[Instruction]:
        return self._end(command, CommandState.REJECTED, f"rejected: {words}", now_s)

    def _end(
        self, command: Command, state: CommandState, words: str, now_s: float
    ) -> list[Instruction]:
        command.state, command.error, command.ended_s = state, words, now_s
        return [Tell(command), Settle(command)]

    def _deadline_s(self, command: Command) -> float | None:
        if command.timeout_s is None or command.started_s is None:
            return None
        return command.started_s + command.timeout_s

    def _escalate(self, command: Command, now_s: float) -> Escalate:
        assert command.cause is not None
        rungs = command.cause.rungs
        last = command.rung == len(rungs) - 1
        command.rung_due_s = None
        if not last:
            dwell_s = self.policy.abort_s[command.rung]
            command.rung_due_s = now_s + min(dwell_s, command.cause.patience_s)
        return Escalate(command, rungs[command.rung])
