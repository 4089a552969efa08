"""One motor of a system: its record, its channel, and the commands that move it.

Threading model: the loop's own.
"""

import asyncio
from collections.abc import Collection
from typing import Protocol

from sswd.alarm import NO_ALARM, Alarm, Severity, Status
from sswd.config.keys.motor import MotorConfig
from sswd.errors import (
    CommandAborted,
    CommandError,
    CommandFailed,
    CommandLost,
    CommandRejected,
)
from sswd.ioc.commands.command import Cause
from sswd.ioc.motor import puts
from sswd.ioc.motor.channel import MotorChannel, make_channel
from sswd.ioc.motor.fed import MotorFed
from sswd.ioc.motor.fields import DRIVE, WAITS
from sswd.ioc.motor.jobs import (
    Begin,
    End,
    Halt,
    Instruction,
    Job,
    Refused,
    Settled,
    Why,
    Write,
)
from sswd.ioc.motor.kept import Kept
from sswd.ioc.motor.record import MotorRecord
from sswd.ioc.pvs.alarm_priority import Source, alarm_from
from sswd.pipe.motor import MotorReport, command_names

_CAUSES = {
    Why.STOP: Cause.MOTOR_STOP,
    Why.PAUSE: Cause.MOTOR_STOP,
    Why.REPLACED: Cause.REPLACED,
}
_NO_FAULTS = (CommandRejected, CommandAborted)
"""Ends of commands after which nothing is to be mended."""
Waiter = asyncio.Future[None]


class Commands(Protocol):
    """What a motor needs of the dispatcher."""

    def submit(
        self, pv: str, value: object, refusal: str | None = None
    ) -> "asyncio.Future[None]": ...

    def withdraw(self, pvs: Collection[str], cause: Cause) -> None: ...


class Motor:
    """Serves one object of the system as a motor record."""

    def __init__(
        self, name: str, config: MotorConfig, prefix: str, dispatcher: Commands
    ) -> None:
        self.name = name
        self.record = MotorRecord(config)
        self.kept = Kept(config, self.record) if config.restore else None
        """What comes back after a restart of the IOC."""
        self.channel: MotorChannel = make_channel(name, prefix, config)
        self.channel.bind(self.record.fields, self.put, self._refuse)
        self.channel.show()
        self.fed = MotorFed(self.channel, self._on_report, self._on_lost)
        self._dispatcher = dispatcher
        self._names = command_names(name)
        self._moves: set[Waiter] = set()
        """Puts that wait for their motion: they fail with it."""
        self._others: set[Waiter] = set()
        """Puts that wait for rest, such as that of .STOP."""
        self._failure: CommandError | None = None
        """How the last command failed, for the puts that wait for it."""

    async def put(self, field: str, value: float) -> None:
        """Perform a client's put. Returns when the motor is at rest again, or what was
        put has reached the driver; raises a CommandError."""
        was_done = self.record.is_done
        try:
            todo = puts.put(self.record, field, float(value))
        except Refused as ex:
            raise self._refuse(field, str(ex), float(value)) from None
        if field in DRIVE and was_done and self.record.is_done:
            self.channel.show(done=False)  # who waits for the end of a move sees one
        writes = [step for step in todo if isinstance(step, Write)]
        self._perform([step for step in todo if not isinstance(step, Write)])
        for step in writes:
            await self._submit(step.command, step.value)
        if field in WAITS and not self.record.is_done:
            await self._rest(is_move=field not in ("STOP", "SPMG", "SYNC"))

    async def _rest(self, *, is_move: bool) -> None:
        waiters = self._moves if is_move else self._others
        waiter: Waiter = asyncio.get_running_loop().create_future()
        waiters.add(waiter)
        try:
            await waiter
        finally:
            waiters.discard(waiter)

    def _refuse(self, field: str, words: str, value: object = None) -> BaseException:
        """A put that cannot be obeyed is a REJECTED command; what waits for a motion
        to begin sees one that failed."""
        if field in DRIVE and self.record.is_done:
            self.channel.show(done=False)
            self.fed.is_fault = False  # whoever put it was told
            self.fed.change(
                Source.FAILED_COMMAND, alarm_from(Source.FAILED_COMMAND, words)
            )
        self.channel.show()
        future = self._dispatcher.submit(f"{self.name}.{field}", value, words)
        refused = future.exception()
        assert refused is not None
        return refused

    # -- what the record asks for

    def _perform(self, todo: list[Instruction]) -> None:
        """Show what is true now, then do what follows, then let puts end."""
        if any(isinstance(step, Begin) for step in todo):
            self.fed.note(Source.FAILED_COMMAND, NO_ALARM)
        for step in todo:
            if isinstance(step, Settled) and step.words:
                self.fed.is_fault = not isinstance(self._failure, _NO_FAULTS)
                self.fed.note(Source.FAILED_COMMAND, _alarm(step))
        if self.fed.has_news:
            self.fed.show()
        self.channel.show()
        for step in todo:
            match step:
                case Begin(job):
                    self._begin(job)
                case Halt(why):
                    self._dispatcher.withdraw(self._names, _CAUSES[why])
                case Settled():
                    self._settle(step)
                case Write():
                    raise AssertionError("a put performs these")

    def _begin(self, job: Job) -> None:
        self._failure = None
        self._submit(job.command, job.value).add_done_callback(self._ended)

    def _submit(self, command: str, value: float) -> "asyncio.Future[None]":
        return self._dispatcher.submit(f"{self.name}.{command}", value)

    def _ended(self, future: "asyncio.Future[None]") -> None:
        error = None if future.cancelled() else future.exception()
        words = "" if error is None else str(error)
        self._failure = error if isinstance(error, CommandError) else None
        self._perform(self.record.ended(_end_of(error), words))

    def _settle(self, settled: Settled) -> None:
        error: CommandError | None = None
        if settled.words:
            error = self._failure or CommandFailed(settled.words)
        for waiter in self._moves:
            if not waiter.done():
                if error is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(error)
        for waiter in self._others:
            if not waiter.done():
                waiter.set_result(None)

    # -- what the worker says

    def _on_report(self, report: MotorReport, stamp_s: float | None) -> None:
        todo = self.record.reported(report)
        if report.units is not None:
            self.channel.properties_changed(report.units)
        if todo:
            self._perform(todo)
        else:
            self.channel.show(stamp_s=stamp_s)

    def _on_lost(self) -> None:
        for step in self.record.lost():
            assert isinstance(step, Settled)
            self._settle(step)


def _end_of(error: BaseException | None) -> End:
    match error:
        case None:
            return End.DONE
        case CommandRejected():
            return End.NEVER_RAN
        case CommandLost():
            return End.LOST
        case _:
            return End.FAILED


def _alarm(settled: Settled) -> Alarm:
    if settled.is_stopped:
        return Alarm(Severity.MINOR, Status.WRITE, settled.words)
    return alarm_from(Source.FAILED_COMMAND, settled.words)
