"""A motor between the ledger and its clients: what they are told, and in what order."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from sswd.alarm import NO_ALARM, Severity, Status
from sswd.config.keys import MotorConfig
from sswd.errors import (
    CommandAborted,
    CommandError,
    CommandFailed,
    CommandLost,
    CommandRejected,
    PostRefused,
)
from sswd.ioc.ca.pv.served_pv import ServedPv
from sswd.ioc.commands.command import Cause
from sswd.ioc.motor.motor import Motor
from sswd.ioc.pvs.alarm_priority import Source, alarm_from
from sswd.ioc.pvs.pv_alarm import own_alarm
from sswd.pipe.motor import MotorReport, encode_report


class Ledger:
    """Keeps what is submitted; the test says how it ends."""

    def __init__(self) -> None:
        self.submitted: list[tuple[str, object]] = []
        self.withdrawn: list[Cause] = []
        self.refusals: list[str] = []
        self.running: asyncio.Future[None] | None = None

    def submit(
        self, pv: str, value: object, refusal: str | None = None
    ) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if refusal is not None:
            self.refusals.append(refusal)
            future.set_exception(CommandRejected(f"rejected: {refusal}"))
            return future
        self.submitted.append((pv, value))
        self.running = future
        return future

    def withdraw(self, pvs: Collection[str], cause: Cause) -> None:
        assert "M.DVAL" in pvs
        self.withdrawn.append(cause)


class Listener:
    """A client's monitor of one field."""

    mask = 0xFF

    def __init__(self, log: list[Any], name: str, field: Any) -> None:
        self.log, self.name, self.field = log, name, field
        ServedPv.of(field).subs[self] = None

    def changed(self, flags: int) -> None:
        del flags
        severity = Severity(self.field.alarm.severity).name
        self.log.append((self.name, self.field.value, severity))


class Bench:
    """A motor at rest at 0, and a client that monitors RBV and DMOV."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        config = MotorConfig(limits=(-10.0, 10.0))
        self.motor = Motor("M", config, "T:", self.ledger)
        own_alarm(self.motor.channel)  # type: ignore[arg-type]
        self.count = 0
        self.report(0.0)
        self.log: list[Any] = []
        for name in ("DMOV", "RBV"):
            Listener(self.log, name, self.field(name))

    def field(self, name: str) -> Any:
        return self.motor.channel.get_field(name)

    def report(self, position: float, *, moving: bool = False) -> None:
        text = encode_report(
            MotorReport(position=position, moving=moving, ended=self.count)
        )
        fed = self.motor.fed
        fed.publish(fed.coerce(text), None)

    def put(self, field: str, value: float) -> "asyncio.Task[None]":
        return asyncio.ensure_future(self.motor.put(field, value))

    async def end(self, at: float, error: CommandError | None = None) -> None:
        assert self.ledger.running is not None
        if not isinstance(error, CommandLost | CommandRejected):
            self.count += 1
            self.report(at)
        if error is None:
            self.ledger.running.set_result(None)
        else:
            self.ledger.running.set_exception(error)
        await asyncio.sleep(0)

    def lose(self) -> None:
        alarm = alarm_from(Source.WORKER_GONE, "killed")
        self.motor.fed.change(Source.WORKER_GONE, alarm)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def settled(task: "asyncio.Task[None]") -> BaseException | None:
    await asyncio.wait([task], timeout=5.0)
    assert task.done()
    return task.exception()


async def test_a_move_in_the_eyes_of_a_client(bench: Bench) -> None:
    put = bench.put("VAL", 5.0)
    await asyncio.sleep(0)
    assert bench.ledger.submitted == [("M.DVAL", 5.0)]
    bench.report(2.0, moving=True)
    assert not put.done()
    await bench.end(5.0)
    assert await settled(put) is None
    assert bench.log == [
        ("DMOV", 0, "NO_ALARM"),
        ("RBV", 2.0, "NO_ALARM"),
        ("RBV", 5.0, "NO_ALARM"),
        ("DMOV", 1, "NO_ALARM"),
    ]
    assert bench.motor.channel.value == 5.0


async def test_a_move_that_fails_is_in_alarm_before_it_is_done(bench: Bench) -> None:
    put = bench.put("VAL", 5.0)
    await asyncio.sleep(0)
    await bench.end(2.0, CommandFailed("RuntimeError: stuck"))
    assert str(await settled(put)) == "RuntimeError: stuck"
    told = bench.log[bench.log.index(("RBV", 2.0, "MAJOR")) :]
    assert told[-1] == ("DMOV", 1, "MAJOR")
    assert ("DMOV", 1, "NO_ALARM") not in bench.log
    alarm = bench.motor.channel.alarm
    assert (alarm.status, alarm.alarm_string) == (Status.WRITE, "RuntimeError: stuck")


async def test_the_next_move_ends_the_alarm(bench: Bench) -> None:
    first = bench.put("VAL", 5.0)
    await asyncio.sleep(0)
    await bench.end(2.0, CommandFailed("stuck"))
    assert isinstance(await settled(first), CommandFailed)
    second = bench.put("VAL", 6.0)
    await asyncio.sleep(0)
    assert bench.log[-1] == ("RBV", 2.0, "NO_ALARM")
    await bench.end(6.0)
    assert await settled(second) is None


async def test_stop_fails_the_put_and_is_a_minor_alarm(bench: Bench) -> None:
    move = bench.put("VAL", 5.0)
    await asyncio.sleep(0)
    stop = bench.put("STOP", 1)
    await asyncio.sleep(0)
    assert bench.ledger.withdrawn == [Cause.MOTOR_STOP]
    await bench.end(2.0, CommandAborted("stopped by a put to the motor"))
    assert isinstance(await settled(move), CommandAborted)
    assert await settled(stop) is None
    assert bench.log[-1] == ("DMOV", 1, "MINOR")


async def test_both_puts_end_at_the_newer_target(bench: Bench) -> None:
    first = bench.put("VAL", 5.0)
    await asyncio.sleep(0)
    second = bench.put("VAL", 6.0)
    await asyncio.sleep(0)
    assert bench.ledger.withdrawn == [Cause.REPLACED]
    await bench.end(2.0, CommandAborted("stopped: the motor has a newer target"))
    assert bench.ledger.submitted[-1] == ("M.DVAL", 6.0)
    assert not first.done()
    await bench.end(6.0)
    assert (await settled(first), await settled(second)) == (None, None)
    assert [seen for seen in bench.log if seen[0] == "DMOV"] == [
        ("DMOV", 0, "NO_ALARM"),
        ("DMOV", 1, "NO_ALARM"),
    ]


async def test_a_refused_put_shows_a_move_that_fails(bench: Bench) -> None:
    error = await settled(bench.put("VAL", 50.0))
    assert isinstance(error, CommandRejected)
    assert bench.ledger.refusals == ["50 is outside the limits -10 to 10"]
    assert bench.log == [
        ("DMOV", 0, "NO_ALARM"),
        ("RBV", 0.0, "MAJOR"),
        ("DMOV", 1, "MAJOR"),
    ]
    assert bench.field("LVIO").value == 1


async def test_a_put_of_the_place_where_it_stands_shows_a_move(bench: Bench) -> None:
    await bench.motor.put("SPDB", 0.5)
    assert await settled(bench.put("VAL", 0.1)) is None
    assert [seen[1] for seen in bench.log if seen[0] == "DMOV"] == [0, 1]


async def test_a_lost_worker(bench: Bench) -> None:
    move = bench.put("VAL", 5.0)
    await asyncio.sleep(0)
    bench.report(2.0, moving=True)
    bench.lose()
    await bench.end(2.0, CommandLost("lost: killed"))
    assert isinstance(await settled(move), CommandLost)
    assert bench.log[-1][2] == "INVALID"
    assert [seen[1] for seen in bench.log if seen[0] == "DMOV"] == [0, 0]
    bench.motor.fed.note(Source.WORKER_GONE, NO_ALARM)
    bench.count = 0
    bench.report(3.0)
    assert bench.log[-1] == ("DMOV", 1, "MAJOR")


async def test_limits_are_told_to_those_who_show_them(bench: Bench) -> None:
    await bench.motor.put("HLM", 4.0)
    assert bench.motor.channel.upper_ctrl_limit == 4.0
    assert bench.field("RBV").upper_ctrl_limit == 4.0


async def test_only_reports_may_be_posted(bench: Bench) -> None:
    for value in (1.0, "1.0", b"x", None):
        with pytest.raises(PostRefused):
            bench.motor.fed.coerce(value)


async def test_the_next_worker_says_where_it_stands(bench: Bench) -> None:
    bench.lose()
    bench.motor.fed.note(Source.WORKER_GONE, NO_ALARM)
    bench.report(3.0)
    assert bench.motor.channel.value == 3.0
