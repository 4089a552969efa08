"""Performs the ledger's instructions: CMD_* PVs, ACK, alarms, and the waiting puts.

Everything about one change of a command happens in one turn of the loop, and before its
put completes, so that a client that was told can read the truth.
"""

import asyncio
import logging
import re
import time
from collections.abc import Collection
from typing import Protocol

from sswd.errors import (
    CommandAborted,
    CommandError,
    CommandFailed,
    CommandLost,
    CommandRejected,
    CommandTimeout,
    UnsendableError,
)
from sswd.ioc import ca
from sswd.ioc.commands.command import ENDED, NO_FAULT, Cause, Command, CommandState
from sswd.ioc.commands.command_log import CommandLog, words_of
from sswd.ioc.commands.history import Ended, History, entry_of
from sswd.ioc.commands.ledger import (
    Escalate,
    Instruction,
    Ledger,
    Policy,
    Send,
    Settle,
    Tell,
)
from sswd.ioc.process.active_run import ActiveRun
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.publisher import Publisher
from sswd.pipe.codec import encoded
from sswd.pipe.protocol import Failure

log = logging.getLogger("sswd.ioc")

_REFUSAL = re.compile(r"0\s*([^\s\d.].*)", re.DOTALL)
""" "0 reason", and not a number such as 0.5."""

ERRORS: dict[CommandState, type[CommandError]] = {
    CommandState.FAILED: CommandFailed,
    CommandState.TIMEOUT: CommandTimeout,
    CommandState.ABORTED: CommandAborted,
    CommandState.LOST: CommandLost,
    CommandState.REJECTED: CommandRejected,
}


class CommandPvs(Protocol):
    """The PVs of the template that tell of commands."""

    CMD_ID: Channel
    CMD_STATE: Channel
    CMD_ERROR: Channel
    CMD_TIME: Channel
    BUSY: Channel
    QUEUE_LEN: Channel
    PROGRESS: Channel


def fitting(text: str, pv: Channel) -> str:
    """`text` cut to what the long string `pv` holds: a driver chose its length."""
    room = pv.max_length
    if len(text) * 4 <= room:
        return text
    return text.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")


class CommandDispatcher:
    """Where puts become commands and ends of commands become completions."""

    def __init__(
        self,
        ledger: Ledger,
        pvs: CommandPvs,
        publisher: Publisher,
        active: ActiveRun,
    ) -> None:
        self._ledger = ledger
        # caproto looks its PVs up at each access, and each command needs all of them.
        self._cmd_id, self._cmd_state = pvs.CMD_ID, pvs.CMD_STATE
        self._cmd_error, self._cmd_time = pvs.CMD_ERROR, pvs.CMD_TIME
        self._busy, self._queue_len = pvs.BUSY, pvs.QUEUE_LEN
        self._progress = pvs.PROGRESS
        self._publisher = publisher
        self._active = active
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Command, asyncio.Future[None]] = {}
        self._encoded: dict[Command, object] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self._has_final_ack = False
        self._ack_refusal = ""
        self._log = CommandLog()
        self._history = History()

    @property
    def running(self) -> Command | None:
        """The command that runs."""
        return self._ledger.running

    def history(self) -> list[Ended]:
        """The last commands that have ended, the one that runs, those that wait."""
        now_s = time.monotonic()
        open_ones = [entry_of(command, now_s) for command in self._ledger.open]
        return [*self._history.entries, *open_ones]

    @property
    def ended_counts(self) -> dict[str, int]:
        """How many commands ended so, by the name of their last state."""
        return dict(self._history.counts)

    @property
    def last_failure(self) -> Ended | None:
        """The last command that did not succeed; None: there was none."""
        return self._history.last_failure

    def submit(
        self, pv: str, value: object, refusal: str | None = None
    ) -> asyncio.Future[None]:
        """Make a command of a put. The future completes, or raises a CommandError,
        when the command has ended and everything it posted is published.

        `refusal`: words if the value is refused (limits); it never runs then.
        """
        now_s = time.monotonic()
        message_value: object = None
        if refusal is None:
            try:
                message_value = encoded(value)
            except UnsendableError as ex:
                refusal = str(ex)
        if refusal is None:
            command, instructions = self._ledger.submit(pv, value, now_s)
        else:
            command, instructions = self._ledger.refuse(pv, value, refusal, now_s)
        command.who, command.at, command.came_s = ca.who_puts(), time.time(), now_s
        ca.note_command(command.id)
        return self._begin(command, message_value, instructions)

    def reapply(self, pv: str, value: object) -> asyncio.Future[None]:
        """Run a setpoint again, before what waits; as `submit`.

        Raises UnsendableError. Only while the ledger begins no commands by itself.
        """
        message_value, now_s = encoded(value), time.monotonic()
        command, instructions = self._ledger.reapply(pv, value, now_s)
        command.who, command.at, command.came_s = "restore", time.time(), now_s
        return self._begin(command, message_value, instructions)

    def _begin(
        self, command: Command, message_value: object, instructions: list[Instruction]
    ) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting[command] = future
        self._encoded[command] = message_value
        self.perform(instructions)
        if command.state is not CommandState.REJECTED:
            self._accepted(command)
        return future

    def set_policy(self, policy: Policy) -> None:
        """Other rules for commands from now on."""
        self._ledger.policy = policy

    def has_waiting(self, pv: str) -> bool:
        """Whether a command of this PV waits."""
        return self._ledger.has_waiting(pv)

    def hold(self) -> None:
        """Begin no command that waits, until `release`."""
        self._ledger.hold()

    async def idle(self) -> None:
        """Return when no command runs. Only while the ledger begins none by itself."""
        while self._ledger.running in self._waiting:
            self._settled.clear()
            await self._settled.wait()

    def release(self) -> None:
        """Go on with the commands that wait."""
        self.perform(self._ledger.release(time.monotonic()))

    def finished(self, command_id: int, failure: Failure | None) -> None:
        """The worker says that a command has ended; its posts are published."""
        now_s = time.monotonic()
        command = self._ledger.running
        if failure is None and self._ack_refusal and command and command.pv == "CMD":
            failure = Failure("the system's ACK", self._ack_refusal)
        self.perform(self._ledger.finished(command_id, failure, now_s))

    def acknowledged(self, text: object) -> None:
        """The system posted ACK: its word counts, unless it only says "0".

        "0 reason" says that the command failed, also where nothing is raised: so do
        systems that were written for the sequence server wrapper.
        """
        command = self._ledger.running
        if command is not None and command.pv == "CMD" and text != "0":
            self._has_final_ack = True
            refused = _REFUSAL.fullmatch(str(text))
            self._ack_refusal = refused[1] if refused else ""

    def abort(self) -> None:
        """A client put ABORT: cancel what runs, reject what waits."""
        now_s = time.monotonic()
        self.perform(self._ledger.flush("aborted by a put to ABORT", now_s))
        self.cancel(Cause.ABORT)

    def cancel(self, cause: Cause) -> None:
        """Begin to end the running command."""
        self.perform(self._ledger.cancel(cause, time.monotonic()))

    def withdraw(self, pvs: Collection[str], cause: Cause) -> None:
        """End the commands on these PVs, and no others."""
        self.perform(self._ledger.withdraw(pvs, cause, time.monotonic()))

    def flush(self, words: str) -> None:
        """Reject what waits."""
        self.perform(self._ledger.flush(words, time.monotonic()))

    def worker_up(self) -> None:
        """The worker is RUNNING."""
        self.perform(self._ledger.worker_up(time.monotonic()))

    def worker_down(self, words: str) -> None:
        """The worker gets no commands from now on."""
        self._ledger.worker_down(words)

    def worker_gone(self, words: str) -> None:
        """The worker is dead and its pipe drained."""
        self.perform(self._ledger.worker_gone(words, time.monotonic()))

    def link_down(self, words: str, how: str) -> None:
        """The system has lost its instrument; `how` as in the ledger."""
        self.perform(self._ledger.link_down(words, how, time.monotonic()))

    def link_up(self) -> None:
        """The system has its instrument."""
        self.perform(self._ledger.link_up(time.monotonic()))

    # -- performing

    def perform(self, instructions: list[Instruction]) -> None:
        """Do what the ledger says, in its order."""
        for instruction in instructions:
            match instruction:
                case Send(command):
                    self._start(command)
                case Tell(command):
                    self._post_command_state(command)
                case Settle(command):
                    self._settle(command)
                case Escalate(command, rung):
                    log.warning("%s: ending it by %s", words_of(command), rung.value)
                    self._active.escalate(command.id, rung)
        ca.post_if_changed(self._queue_len, self._ledger.queued)
        ca.post_if_changed(self._busy, int(self._ledger.running is not None))
        self._set_timer()

    def _accepted(self, command: Command) -> None:
        self._publisher.accepted(command.pv, command.value)
        if command.pv == "CMD" and command.state is CommandState.QUEUED:
            self._publisher.publish("ACK", "0", None)

    def _start(self, command: Command) -> None:
        # First: the worker gets to work while we publish.
        self._active.send(command.id, command.pv, self._encoded[command])
        if command.pv == "CMD":
            self._has_final_ack = False
            self._ack_refusal = ""
            self._publisher.publish("ACK", "0", None)
        if self._progress.value:
            ca.post(self._progress, 0.0)

    def _post_command_state(self, command: Command) -> None:
        error = command.error and fitting(command.error, self._cmd_error)
        ca.post_if_changed(self._cmd_id, command.id)
        ca.post_if_changed(self._cmd_error, error)
        ca.post_if_changed(self._cmd_time, command.ran_s(time.monotonic()))
        ca.post(self._cmd_state, int(command.state))
        if command.state in ENDED:
            self._tell_end(command)

    def _tell_end(self, command: Command) -> None:
        self._log.ended(command)
        if command.state is not CommandState.DONE:
            is_fault = command.state not in NO_FAULT
            self._publisher.command_failed(command.pv, command.error, is_fault=is_fault)
        if command.pv == "CMD":
            self._final_ack(command)

    def _final_ack(self, command: Command) -> None:
        if command.state is CommandState.REJECTED:
            # Not while another CMD command has its say on ACK.
            if self._ledger.running is None and not self._ledger.queued:
                self._publisher.publish("ACK", f"0 {command.error}", None)
        elif not self._has_final_ack:
            is_done = command.state is CommandState.DONE
            text = "1" if is_done else f"0 {command.error}"
            self._publisher.publish("ACK", text, None)

    def _settle(self, command: Command) -> None:
        del self._encoded[command]
        self._history.ended(command)
        future = self._waiting.pop(command)
        self._settled.set()
        if future.done():
            return
        error = ERRORS.get(command.state)
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error(command.error))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self._ledger.due_s()
        if due_s is not None:
            wait_s = max(0.0, due_s - time.monotonic())
            self._timer = self._loop.call_later(wait_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.perform(self._ledger.tick(time.monotonic()))

    def close(self) -> None:
        """No more timers. Puts that still wait are told that the IOC ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(CommandLost("lost: the IOC ended"))
        self._waiting.clear()
        self._settled.set()
        self._encoded.clear()
