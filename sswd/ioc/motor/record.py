"""The motor record: what follows from a put, a report, and the end of a command. Pure.

After motorRecord.cc of epics-modules/motor, for a motor whose driver moves by itself:
no backlash, no encoder. Three rules stand above it. DMOV is 1 only when the command has
ended, and a report made after its end says that nothing moves. A worker that is lost
while something moved leaves DMOV at 0 until its next run reports."""

import math
from enum import Enum

from sswd.config.keys.motor import MotorConfig
from sswd.ioc.motor.fields import GO_ONCE, PAUSE, STOP
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
from sswd.ioc.motor.limits import set_dial_limits, set_user_limits, violation
from sswd.ioc.motor.setup import fields_from, follow_velocity, show_status
from sswd.pipe import motor as commands
from sswd.pipe.motor import MotorReport


class Phase(Enum):
    """What the record knows of the motion."""

    UNKNOWN = "no report yet, or the worker was lost while it moved"
    REST = "at rest"
    BUSY = "a command of the motor runs or waits"
    COASTING = "the command has ended, the last report says that it moves"
    PAUSED = "SPMG holds it; a target waits"
    EXTERNAL = "it moves, and nobody here has told it to"


class MotorRecord:
    """The state of one motor. Not thread-safe: the loop's own."""

    def __init__(self, config: MotorConfig) -> None:
        self.fields = fields_from(config)
        self.phase = Phase.UNKNOWN
        self.max_velocity = config.max_velocity or math.inf
        """What clients may put to .VELO; more is cut."""
        self._job: Job | None = None
        """What runs, waits in the ledger, or is paused."""
        self._next: Job | None = None
        """What follows when the job has been halted."""
        self._why: Why | None = None
        """Why the job is being halted."""
        self._is_moving = False
        """As the last report says."""
        self._ended = 0
        self._ended_at_begin = 0
        """Commands that had ended, by the last report; and by that when ours began."""
        self._is_new_run = True
        self.told_limits: tuple[float, float] | None = None
        self.follows_limits = config.limits is None
        """Whether the soft limits are those of the object; else of the configuration.
        """
        self._told_velocity: float | None = None
        self._fault = Settled("")
        self._syncs = False
        """Whether the target becomes the place where it comes to rest."""

    # -- targets

    def move_to(self, dial: float) -> list[Instruction]:
        """A new target. Raises Refused, with .LVIO set, outside the soft limits."""
        fields = self.fields
        if not math.isfinite(dial):
            raise Refused(f"{dial} is no position")
        words = violation(fields, dial)
        fields.LVIO = int(bool(words))
        if words:
            raise Refused(words)
        self._aim(dial)
        fields.CDIR = int(dial >= fields.DRBV)
        fields.RCNT = fields.MISS = 0
        self._clear_buttons()
        near = fields.SPDB > 0 and abs(dial - fields.DRBV) < fields.SPDB
        if near and self.phase is Phase.REST:
            return [Settled("")]
        return self._begin(Job(commands.MOVE, dial))

    def load(self, dial: float) -> list[Instruction]:
        """Call the place where it is `dial`."""
        if self.phase is not Phase.REST:
            raise Refused("its position cannot be set while it moves")
        self._aim(dial)
        return self._begin(Job(commands.LOAD, dial))

    def home(self, *, forward: bool) -> list[Instruction]:
        """Search for home."""
        self._clear_buttons()
        fields = self.fields
        fields.HOMF, fields.HOMR = int(forward), int(not forward)
        fields.CDIR = int(forward == (fields.sign > 0))
        command = commands.HOME_FORWARD if forward else commands.HOME_REVERSE
        return self._begin(Job(command, 1.0))

    def jog(self, *, forward: bool) -> list[Instruction]:
        """Move until told otherwise, or to the soft limit."""
        fields = self.fields
        to_high = forward == (fields.sign > 0)
        limit = fields.DHLM if to_high else fields.DLLM
        ahead = fields.JVEL if to_high else -fields.JVEL
        words = violation(fields, fields.DRBV + ahead)
        fields.LVIO = int(bool(words))
        if words:
            raise Refused(words)
        self._clear_buttons()
        fields.JOGF, fields.JOGR = int(forward), int(not forward)
        fields.CDIR = int(to_high)
        is_bounded = (fields.DLLM, fields.DHLM) != (0.0, 0.0)
        command = commands.JOG_FORWARD if to_high else commands.JOG_REVERSE
        return self._begin(Job(command, limit if is_bounded else math.nan))

    def stop_jog(self) -> list[Instruction]:
        """The button of a jog is released."""
        is_jog = self._job is not None and self._job.command in commands.JOGS
        self._clear_buttons()
        return self._halt(Why.STOP) if is_jog else []

    def stop(self) -> list[Instruction]:
        """Come to rest where it is."""
        self._next = None
        if self.phase is Phase.PAUSED:
            self._job, self._syncs = None, True
            done = self._rest("stopped", is_stopped=True, is_final=True)
            return [*done, *self._stop_object()]
        return self._halt(Why.STOP)

    def switch(self, spmg: int) -> list[Instruction]:
        """A new value of .SPMG."""
        fields = self.fields
        fields.SPMG = fields.LSPG = spmg
        if spmg == STOP:
            return self.stop()
        if spmg == PAUSE:
            return self._halt(Why.PAUSE)
        if self.phase is not Phase.PAUSED or self._job is None:
            return []
        return self._begin(self._job)

    # -- the command and the worker

    def reported(self, report: MotorReport) -> list[Instruction]:
        """The worker tells how the object is."""
        self._take(report)
        is_first, self._is_new_run = self._is_new_run, False
        if is_first:
            self._ended_at_begin = report.ended
        if self.phase is Phase.UNKNOWN:
            self.phase = Phase.EXTERNAL if self._job is None else Phase.BUSY
        if self.phase is Phase.REST:
            if is_first:
                self._sync()
            if report.moving:
                self.phase = Phase.EXTERNAL
        done = []
        if self.phase in (Phase.COASTING, Phase.EXTERNAL) and not report.moving:
            self._syncs = self._syncs or self.phase is Phase.EXTERNAL
            done = self._settle()
        self._show()
        return done

    def ended(self, end: End, words: str) -> list[Instruction]:
        """The command that was begun has ended. `words` say why it did not succeed."""
        job, self._job = self._job, None
        why, self._why = self._why, None
        following, self._next = self._next, None
        assert job is not None
        if end is End.LOST or self.phase is Phase.UNKNOWN:
            return self._lost(words)
        self._syncs = True
        if end is End.NEVER_RAN and why is None:
            return self._rest(words, is_final=True)
        if why is Why.PAUSE and end is not End.DONE:
            self.phase = Phase.COASTING
            return self._begin(job)  # which waits where SPMG says so
        if following is not None:
            return self._begin(following)
        if why is None and end is End.DONE:
            return self._arrived(job)
        if end is End.DONE or (why is Why.STOP and job.command in commands.JOGS):
            words = ""
        has_end = end is End.NEVER_RAN or self._ended > self._ended_at_begin
        done = self._rest(words, is_stopped=why is Why.STOP, is_final=has_end)
        if why is None and not done:
            # Nobody knows when it will rest: .DMOV waits for that, the put does not.
            done, self._fault = [self._fault], Settled("")
        return done

    def lost(self) -> list[Instruction]:
        """The worker is gone. What it did is unknown until the next one reports."""
        self._is_new_run = True
        if self.phase is Phase.REST:
            return []
        paused = self.phase is Phase.PAUSED
        self.phase = Phase.UNKNOWN
        self._show()
        if paused or self._job is None:
            self._job = self._next = self._why = None
            return self._lost("lost: the worker ended")
        return []

    @property
    def is_done(self) -> bool:
        """Whether nothing that was asked for is still to come."""
        return self.fields.DMOV == 1

    # -- inside

    def _begin(self, job: Job) -> list[Instruction]:
        fields = self.fields
        if self._job is not None and self.phase in (Phase.BUSY, Phase.UNKNOWN):
            self._next = job
            halting, self._why = self._why, Why.REPLACED
            return [] if halting is not None else [Halt(Why.REPLACED)]
        self._job = job
        self._fault = Settled("")
        if fields.SPMG in (STOP, PAUSE) and job.command in commands.MOTIONS:
            self.phase = Phase.PAUSED
            self._show()
            return []
        if self.phase is not Phase.UNKNOWN:
            self.phase = Phase.BUSY
        self._ended_at_begin = self._ended
        self._show()
        return [Begin(job)]

    def _halt(self, why: Why) -> list[Instruction]:
        if self._job is None or self.phase is Phase.PAUSED:
            return self._stop_object()
        is_new = self._why is None
        if self._why is not Why.STOP:
            self._why = why
        if why is Why.STOP:
            self._next = None
        elif self._next is not None:  # paused while a newer target waits
            self._job, self._next = self._next, None
        return [Halt(why)] if is_new else []

    def _stop_object(self) -> list[Instruction]:
        """Nothing of ours runs; what moves all the same is stopped by a command."""
        return [Write(commands.STOP, 1.0)] if self._is_moving else []

    def _arrived(self, job: Job) -> list[Instruction]:
        """A command has done what it should, as the driver says."""
        fields = self.fields
        if job.command != commands.MOVE:
            return self._rest("")
        self._syncs = False
        off = abs(fields.DVAL - fields.DRBV)
        if fields.RDBD > 0 and not off < fields.RDBD:
            if fields.RCNT < fields.RTRY and not self._is_moving:
                fields.RCNT += 1
                return self._begin(job)
            fields.MISS = 1
        elif fields.SPMG == GO_ONCE:
            fields.SPMG = fields.LSPG = PAUSE
        fields.LVAL, fields.LDVL, fields.LRVL = fields.VAL, fields.DVAL, fields.RVAL
        return self._rest("")

    def _rest(
        self, words: str, *, is_stopped: bool = False, is_final: bool | None = None
    ) -> list[Instruction]:
        """The motion is over, if the last report was made after it and says so."""
        self._fault = Settled(words, is_stopped)
        if is_final is None:
            is_final = self._ended > self._ended_at_begin
        self._clear_buttons()
        if self._is_moving or not is_final:
            self.phase = Phase.COASTING
            self._show()
            return []
        return self._settle()

    def _settle(self) -> list[Instruction]:
        self.phase = Phase.REST
        if self._syncs:
            self._sync()
        self._syncs = False
        self._show()
        fault, self._fault = self._fault, Settled("")
        return [fault]

    def _lost(self, words: str) -> list[Instruction]:
        self.phase = Phase.UNKNOWN
        self._clear_buttons()
        self._show()
        return [Settled(words)]

    def _aim(self, dial: float) -> None:
        fields = self.fields
        fields.DVAL, fields.VAL = dial, fields.to_user(dial)
        fields.RVAL = fields.to_raw(dial)
        self._show()

    def _sync(self) -> None:
        """The target is where it stands."""
        self._aim(self.fields.DRBV)
        fields = self.fields
        fields.LVAL, fields.LDVL, fields.LRVL = fields.VAL, fields.DVAL, fields.RVAL
        self._clear_buttons()

    def sync(self) -> list[Instruction]:
        """A put to .SYNC."""
        if self.phase is Phase.REST:
            self._sync()
        return []

    def _clear_buttons(self) -> None:
        fields = self.fields
        fields.HOMF = fields.HOMR = fields.JOGF = fields.JOGR = 0

    def _take(self, report: MotorReport) -> None:
        fields = self.fields
        if report.position is not None:
            if report.position != fields.DRBV:
                fields.TDIR = int(report.position > fields.DRBV)
            fields.DRBV = report.position
        self._is_moving = report.moving
        self._ended = report.ended
        fields.RHLS, fields.RLLS = int(report.at_high), int(report.at_low)
        fields.ATHM = int(report.at_home)
        limits = report.limits if self.follows_limits else None
        if limits is not None and limits != self.told_limits:
            self.told_limits = limits
            set_dial_limits(fields, *limits)
        if report.velocity is not None and report.velocity != self._told_velocity:
            self._told_velocity = report.velocity
            follow_velocity(fields, report.velocity)
        if report.enabled is not None:
            fields.CNEN = int(report.enabled)

    def _show(self) -> None:
        """Have the fields that follow say what is true now."""
        is_moving = self._is_moving and self.phase is not Phase.REST
        show_status(self.fields, is_moving=is_moving, is_done=self.phase is Phase.REST)

    def redirected(self) -> None:
        """Offset or direction have changed: user values follow the dial's."""
        self._show()
        set_user_limits(self.fields)
