"""The motor record: puts, reports and ends of commands, without a clock or a socket.

`Bench` plays the worker: it keeps the command that runs and says what the object does.
"""

import itertools
import math
from typing import Any

import pytest

from sswd.config.keys import MotorConfig
from sswd.ioc.motor import puts
from sswd.ioc.motor.jobs import Begin, End, Halt, Refused, Settled, Why, Write
from sswd.ioc.motor.record import MotorRecord, Phase
from sswd.pipe.motor import MotorReport


class Bench:
    """A record, the command that it has begun, and what it let end."""

    def __init__(self, **config: Any) -> None:
        config.setdefault("limits", (-10.0, 10.0))
        self.record = MotorRecord(MotorConfig(**config))
        self.position = 0.0
        self.count = 0
        self.running: Begin | None = None
        self.begun: list[tuple[str, float]] = []
        self.halts: list[Why] = []
        self.settled: list[Settled] = []
        self.done_when_settled: list[int] = []

    @property
    def fields(self) -> Any:
        return self.record.fields

    def do(self, todo: list[Any]) -> None:
        for step in todo:
            match step:
                case Begin(job):
                    assert self.running is None, "one command at a time"
                    self.running = step
                    self.begun.append((job.command, job.value))
                case Halt(why):
                    self.halts.append(why)
                case Settled():
                    self.settled.append(step)
                    self.done_when_settled.append(self.fields.DMOV)

    def put(self, field: str, value: float) -> None:
        self.do(puts.put(self.record, field, value))

    def report(self, position: float | None = None, **told: Any) -> None:
        if position is not None:
            self.position = position
        told.setdefault("moving", False)
        self.do(
            self.record.reported(
                MotorReport(position=self.position, ended=self.count, **told)
            )
        )

    def end(
        self, end: End = End.DONE, words: str = "", at: float | None = None
    ) -> None:
        """The command ends, with its last report before if it ran."""
        assert self.running is not None
        if end in (End.DONE, End.FAILED):
            self.count += 1
            self.report(at)
        self.running = None
        self.do(self.record.ended(end, words))

    def lose(self) -> None:
        """The worker is gone: the publisher says so first, then the ledger."""
        self.do(self.record.lost())
        self.count = 0
        if self.running is not None:
            self.end(End.LOST, "lost: killed")


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.report(0.0)
    made.settled.clear()
    return made


def test_nothing_is_done_before_the_first_report() -> None:
    bench = Bench()
    assert (bench.fields.DMOV, bench.record.phase) == (0, Phase.UNKNOWN)
    bench.report(3.0, moving=True)
    assert (bench.fields.DMOV, bench.fields.MOVN) == (0, 1)
    bench.report(4.0)
    assert (bench.fields.DMOV, bench.fields.MOVN) == (1, 0)
    assert bench.fields.VAL == bench.fields.RBV == 4.0


def test_a_move(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    assert bench.begun == [("DVAL", 5.0)]
    assert (bench.fields.DMOV, bench.fields.VAL, bench.fields.DIFF) == (0, 5.0, 5.0)
    bench.report(1.0, moving=True)
    assert (bench.fields.MOVN, bench.fields.TDIR, bench.fields.RBV) == (1, 1, 1.0)
    assert not bench.settled
    bench.end(at=5.0)
    assert bench.settled == [Settled("")]
    assert (bench.fields.DMOV, bench.fields.MOVN, bench.fields.RBV) == (1, 0, 5.0)
    assert bench.fields.RVAL == bench.fields.RRBV == 5000


def test_done_waits_for_a_report_made_after_the_end(bench: Bench) -> None:
    """A command that was killed before it told anything has not arrived."""
    bench.put("VAL", 5.0)
    bench.running = None
    bench.do(bench.record.ended(End.FAILED, "aborted"))
    assert (bench.fields.DMOV, bench.settled) == (0, [Settled("aborted")])
    bench.report(2.0, moving=True)
    assert bench.fields.DMOV == 0
    bench.report(2.5)
    assert (bench.fields.DMOV, bench.settled[1:]) == (1, [Settled("")])


def test_done_waits_until_nothing_moves(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.count += 1
    bench.report(4.9, moving=True)
    bench.running = None
    bench.do(bench.record.ended(End.DONE, ""))
    assert (bench.fields.DMOV, bench.settled) == (0, [])
    bench.report(5.0)
    assert (bench.fields.DMOV, bench.settled) == (1, [Settled("")])


def test_a_newer_target_replaces_the_older(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.put("VAL", 6.0)
    bench.put("VAL", -1.0)
    assert bench.halts == [Why.REPLACED]
    bench.end(End.FAILED, "stopped", at=2.0)
    assert bench.begun == [("DVAL", 5.0), ("DVAL", -1.0)]
    assert (bench.fields.DMOV, bench.settled, bench.fields.VAL) == (0, [], -1.0)
    bench.end(at=-1.0)
    assert bench.settled == [Settled("")]


def test_a_target_that_never_ran_is_replaced_as_well(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.put("VAL", 6.0)
    bench.end(End.NEVER_RAN, "rejected")
    assert bench.begun[-1] == ("DVAL", 6.0)
    bench.end(at=6.0)
    assert bench.settled == [Settled("")]


def test_stop(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.put("STOP", 1)
    bench.put("STOP", 1)
    assert bench.halts == [Why.STOP]
    assert bench.fields.DMOV == 0
    bench.end(End.FAILED, "stopped", at=2.0)
    assert bench.settled == [Settled("stopped", is_stopped=True)]
    assert bench.fields.VAL == bench.fields.RBV == 2.0
    assert (bench.fields.DMOV, bench.fields.STOP) == (1, 0)


def test_stop_forgets_what_should_follow(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.put("VAL", 6.0)
    bench.put("STOP", 1)
    bench.end(End.FAILED, "stopped", at=2.0)
    assert bench.begun == [("DVAL", 5.0)]
    assert bench.fields.DMOV == 1


def test_stop_at_rest_does_nothing(bench: Bench) -> None:
    bench.put("STOP", 1)
    assert (bench.halts, bench.fields.DMOV, bench.settled) == ([], 1, [])


def test_a_target_after_a_stop_that_is_not_over(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.put("STOP", 1)
    bench.put("VAL", 3.0)
    bench.end(End.FAILED, "stopped", at=2.0)
    assert bench.begun[-1] == ("DVAL", 3.0)
    bench.end(at=3.0)
    assert bench.settled == [Settled("")]


def test_a_move_that_fails(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.end(End.FAILED, "RuntimeError: stuck", at=2.0)
    assert bench.settled == [Settled("RuntimeError: stuck")]
    assert (bench.fields.DMOV, bench.fields.VAL, bench.fields.RBV) == (1, 2.0, 2.0)


def test_a_rejected_move_is_over_at_once(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.end(End.NEVER_RAN, "rejected: the worker is STOPPED")
    assert bench.settled == [Settled("rejected: the worker is STOPPED")]
    assert (bench.fields.DMOV, bench.fields.VAL) == (1, 0.0)


def test_a_lost_worker_leaves_a_move_undone(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.report(1.0, moving=True)
    bench.lose()
    assert bench.settled == [Settled("lost: killed")]
    assert bench.fields.DMOV == 0
    bench.report(4.0, moving=True)  # the hardware went on by itself
    assert bench.fields.DMOV == 0
    bench.report(5.0)
    assert (bench.fields.DMOV, bench.fields.VAL) == (1, 5.0)


def test_a_put_while_nothing_is_known_fails_and_is_not_done(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.lose()
    bench.put("VAL", 6.0)
    bench.end(End.NEVER_RAN, "rejected: the worker is BACKOFF")
    assert bench.settled[-1] == Settled("rejected: the worker is BACKOFF")
    assert bench.fields.DMOV == 0


def test_a_worker_lost_at_rest_was_done(bench: Bench) -> None:
    bench.lose()
    assert (bench.fields.DMOV, bench.settled) == (1, [])
    bench.report(2.0)  # somebody has turned the knob
    assert bench.fields.VAL == 2.0


def test_a_command_that_waits_for_the_next_run(bench: Bench) -> None:
    """With on_restart = "keep", the queue outlives the worker."""
    bench.put("VAL", 5.0)
    bench.do(bench.record.lost())
    bench.count = 0
    bench.report(1.0)
    assert (bench.fields.DMOV, bench.record.phase, bench.fields.VAL) == (
        0,
        Phase.BUSY,
        5.0,
    )
    bench.end(at=5.0)
    assert (bench.fields.DMOV, bench.settled) == (1, [Settled("")])


@pytest.mark.parametrize(("field", "value"), [("VAL", 10.5), ("DVAL", -11.0)])
def test_limits_refuse(bench: Bench, field: str, value: float) -> None:
    with pytest.raises(Refused, match="outside the limits -10 to 10"):
        bench.put(field, value)
    assert (bench.fields.LVIO, bench.fields.VAL, bench.fields.DMOV) == (1, 0.0, 1)
    assert not bench.begun
    bench.put("VAL", 1.0)
    assert bench.fields.LVIO == 0


def test_limits_refuse_while_it_moves_and_the_move_goes_on(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    with pytest.raises(Refused):
        bench.put("VAL", 50.0)
    assert (bench.halts, bench.fields.VAL) == ([], 5.0)


def test_zero_limits_are_none() -> None:
    bench = Bench(limits=None)
    bench.report(0.0)
    bench.put("VAL", 1e6)
    assert bench.begun == [("DVAL", 1e6)]


def test_a_way_back_from_outside_the_limits(bench: Bench) -> None:
    bench.report(12.0)
    bench.put("SYNC", 1)
    bench.put("VAL", 11.0)
    with pytest.raises(Refused):
        bench.put("VAL", 12.5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["VAL", "OFF", "HLM", "TWV", "VELO"])
def test_what_is_no_number_is_refused(bench: Bench, field: str, value: float) -> None:
    with pytest.raises(Refused):
        bench.put(field, value)


def test_tweak_and_relative(bench: Bench) -> None:
    bench.put("TWV", 0.5)
    bench.put("TWF", 1)
    bench.end(at=0.5)
    bench.put("TWR", 1)
    bench.end(at=0.0)
    bench.put("RLV", 2.0)
    assert bench.begun == [("DVAL", 0.5), ("DVAL", 0.0), ("DVAL", 2.0)]
    assert (bench.fields.TWF, bench.fields.RLV) == (0, 0.0)


def test_raw_values(bench: Bench) -> None:
    bench.put("RVAL", 2500)
    assert bench.begun == [("DVAL", 2.5)]


@pytest.mark.parametrize(("field", "command"), [("HOMF", "HOMF"), ("HOMR", "HOMR")])
def test_home(bench: Bench, field: str, command: str) -> None:
    bench.put(field, 1)
    assert bench.begun == [(command, 1.0)]
    assert (getattr(bench.fields, field), bench.fields.DMOV) == (1, 0)
    bench.put(field, 1)
    assert len(bench.begun) == 1
    bench.end(at=-3.0)
    assert getattr(bench.fields, field) == 0
    assert bench.fields.VAL == bench.fields.RBV == -3.0


@pytest.mark.parametrize(
    ("direction", "field", "command", "limit"),
    [
        (0, "JOGF", "JOGF", 10.0),
        (0, "JOGR", "JOGR", -10.0),
        (1, "JOGF", "JOGR", -10.0),
        (1, "JOGR", "JOGF", 10.0),
    ],
)
def test_jog(direction: int, field: str, command: str, limit: float) -> None:
    bench = Bench(direction=("Pos", "Neg")[direction])
    bench.report(0.0)
    bench.settled.clear()
    bench.put(field, 1)
    assert bench.begun == [(command, limit)]
    assert getattr(bench.fields, field) == 1
    bench.put(field, 0)
    assert bench.halts == [Why.STOP]
    bench.end(End.FAILED, "stopped", at=1.0)
    assert bench.settled == [Settled("", is_stopped=True)]
    assert bench.fields.VAL == bench.fields.RBV
    assert bench.fields.DMOV == 1


def test_jog_at_the_limit_is_refused(bench: Bench) -> None:
    bench.report(9.5)
    with pytest.raises(Refused):
        bench.put("JOGF", 1)
    assert (bench.fields.LVIO, bench.fields.JOGF) == (1, 0)


def test_jog_without_limits() -> None:
    bench = Bench(limits=None)
    bench.report(0.0)
    bench.put("JOGF", 1)
    assert math.isnan(bench.begun[0][1])


def test_set_moves_the_offset_and_the_user_limits(bench: Bench) -> None:
    bench.report(2.0)
    bench.put("SYNC", 1)
    bench.put("SET", 1)
    bench.put("VAL", 100.0)
    assert not bench.begun
    assert (bench.fields.OFF, bench.fields.RBV, bench.fields.DRBV) == (98.0, 100.0, 2.0)
    assert (bench.fields.LLM, bench.fields.HLM) == (88.0, 108.0)
    bench.put("SET", 0)
    bench.put("VAL", 101.0)
    assert bench.begun == [("DVAL", 3.0)]


def test_set_with_a_frozen_offset_loads_the_position(bench: Bench) -> None:
    bench.put("FOFF", 1)
    bench.put("SET", 1)
    bench.put("VAL", 4.0)
    assert bench.begun == [("SET", 4.0)]
    bench.end(at=4.0)
    assert (bench.fields.OFF, bench.fields.VAL, bench.fields.RBV) == (0.0, 4.0, 4.0)


def test_direction_with_variable_and_frozen_offset(bench: Bench) -> None:
    bench.report(2.0)
    bench.put("SYNC", 1)
    bench.put("DIR", 1)
    assert (bench.fields.OFF, bench.fields.VAL, bench.fields.RBV) == (4.0, 2.0, 2.0)
    assert (bench.fields.LLM, bench.fields.HLM) == (-6.0, 14.0)
    bench.put("OFF", 0.0)
    assert (bench.fields.VAL, bench.fields.RBV) == (-2.0, -2.0)
    bench.put("FOFF", 1)
    bench.put("DIR", 0)
    assert (bench.fields.OFF, bench.fields.VAL) == (0.0, 2.0)


@pytest.mark.parametrize("direction", [0, 1])
def test_user_limits_are_those_of_the_dial(bench: Bench, direction: int) -> None:
    bench.put("DIR", direction)
    bench.put("OFF", 1.0)
    bench.put("HLM", 6.0)
    bench.put("LLM", -4.0)
    assert (bench.fields.LLM, bench.fields.HLM) == (-4.0, 6.0)
    assert (bench.fields.DLLM, bench.fields.DHLM) == (-5.0, 5.0)
    bench.put("DHLM", 3.0)
    ends = sorted((bench.fields.LLM, bench.fields.HLM))
    assert 3.0 * bench.fields.sign + 1.0 in ends


def test_switches_follow_the_direction(bench: Bench) -> None:
    bench.report(at_high=True)
    assert (bench.fields.HLS, bench.fields.LLS, bench.fields.RHLS) == (1, 0, 1)
    bench.put("DIR", 1)
    assert (bench.fields.HLS, bench.fields.LLS) == (0, 1)
    assert bench.fields.MSTA & 0b100


def test_pause_and_go(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.put("SPMG", 1)
    assert bench.halts == [Why.PAUSE]
    bench.end(End.FAILED, "stopped", at=2.0)
    assert (bench.fields.DMOV, bench.fields.VAL, bench.settled) == (0, 5.0, [])
    bench.put("SPMG", 3)
    assert bench.begun == [("DVAL", 5.0), ("DVAL", 5.0)]
    bench.end(at=5.0)
    assert (bench.fields.DMOV, bench.settled) == (1, [Settled("")])


def test_go_before_the_pause_is_over(bench: Bench) -> None:
    bench.put("VAL", 5.0)
    bench.put("SPMG", 1)
    bench.put("SPMG", 3)
    bench.end(End.FAILED, "stopped", at=2.0)
    assert bench.begun == [("DVAL", 5.0), ("DVAL", 5.0)]


def test_a_target_while_paused_waits(bench: Bench) -> None:
    bench.put("SPMG", 1)
    bench.put("VAL", 5.0)
    bench.put("VAL", 4.0)
    assert (bench.begun, bench.fields.DMOV) == ([], 0)
    bench.put("SPMG", 3)
    assert bench.begun == [("DVAL", 4.0)]


def test_stop_while_paused(bench: Bench) -> None:
    bench.put("SPMG", 1)
    bench.put("VAL", 5.0)
    bench.put("SPMG", 0)
    assert bench.settled == [Settled("stopped", is_stopped=True)]
    assert (bench.fields.DMOV, bench.fields.VAL) == (1, 0.0)


def test_a_worker_lost_while_paused(bench: Bench) -> None:
    bench.put("SPMG", 1)
    bench.put("VAL", 5.0)
    bench.lose()
    assert bench.settled == [Settled("lost: the worker ended")]
    assert bench.fields.DMOV == 0
    bench.report(1.0)
    assert (bench.fields.DMOV, bench.fields.VAL) == (1, 1.0)


def test_move_once_pauses_at_the_target(bench: Bench) -> None:
    bench.put("SPMG", 2)
    bench.put("VAL", 5.0)
    bench.end(at=5.0)
    assert bench.fields.SPMG == 1
    bench.put("VAL", 6.0)
    assert len(bench.begun) == 1


def test_retries_and_a_miss() -> None:
    bench = Bench(deadband=0.1, retries=2)
    bench.report(0.0)
    bench.put("VAL", 5.0)
    for _ in range(2):
        bench.end(at=4.0)
        assert (bench.fields.DMOV, bench.fields.MISS) == (0, 0)
    bench.end(at=4.5)
    assert bench.begun == [("DVAL", 5.0)] * 3
    assert (bench.fields.DMOV, bench.fields.MISS, bench.fields.RCNT) == (1, 1, 2)
    bench.put("VAL", 4.5)
    bench.end(at=4.45)
    assert bench.fields.MISS == 0


def test_something_else_moves_it(bench: Bench) -> None:
    bench.report(1.0, moving=True)
    assert bench.fields.DMOV == 0
    bench.report(3.0)
    assert (bench.fields.DMOV, bench.fields.VAL) == (1, 3.0)


def test_what_something_else_moves_is_stopped_by_a_command(bench: Bench) -> None:
    bench.report(1.0, moving=True)
    assert puts.put(bench.record, "STOP", 1) == [Write("STOP", 1.0)]


def test_a_setpoint_dead_band(bench: Bench) -> None:
    bench.put("SPDB", 0.1)
    bench.put("VAL", 0.05)
    assert (bench.begun, bench.settled) == ([], [Settled("")])
    bench.put("VAL", 0.2)
    assert bench.begun == [("DVAL", 0.2)]


def test_velocity_goes_to_the_driver() -> None:
    bench = Bench(max_velocity=3.0)
    bench.report(0.0)
    todo = puts.put(bench.record, "VELO", 5.0)
    assert todo == [Write("VELO", 3.0)]
    bench.report(velocity=3.0)
    assert bench.fields.VELO == 3.0
    with pytest.raises(Refused):
        bench.put("VELO", 0.0)


def test_limits_of_the_object_count_when_they_change() -> None:
    bench = Bench(limits=None)
    bench.report(limits=(-5.0, 5.0))
    assert (bench.fields.LLM, bench.fields.HLM) == (-5.0, 5.0)
    bench.put("HLM", 2.0)
    bench.report(limits=(-5.0, 5.0))
    assert bench.fields.HLM == 2.0
    bench.report(limits=(-5.0, 4.0))
    assert bench.fields.HLM == 4.0


def test_limits_of_the_configuration_outrank_those_of_the_object(bench: Bench) -> None:
    bench.report(limits=(-50.0, 50.0))
    assert (bench.fields.LLM, bench.fields.HLM) == (-10.0, 10.0)
    with pytest.raises(Refused, match="outside the limits -10 to 10"):
        bench.put("VAL", 20.0)


EVENTS = {
    "move": lambda b: b.put("VAL", 3.0),
    "move back": lambda b: b.put("VAL", -3.0),
    "stop": lambda b: b.put("STOP", 1),
    "pause": lambda b: b.put("SPMG", 1),
    "go": lambda b: b.put("SPMG", 3),
    "home": lambda b: b.put("HOMF", 1),
    "jog": lambda b: b.put("JOGF", 1),
    "release": lambda b: b.put("JOGF", 0),
    "moving": lambda b: b.report(b.position + 0.1, moving=True),
    "resting": lambda b: b.report(),
    "done": lambda b: b.running and b.end(),
    "failed": lambda b: b.running and b.end(End.FAILED, "it failed"),
    "rejected": lambda b: b.running and b.end(End.NEVER_RAN, "rejected"),
    "lost": lambda b: b.lose(),
}


@pytest.mark.parametrize("first", EVENTS)
def test_every_order_of_events(first: str) -> None:
    """Whatever comes in whatever order: .DMOV is 1 only while nothing of ours runs or
    waits and the last report says rest; after the end of what runs, rest is reached."""
    for rest in itertools.product(EVENTS, repeat=2):
        bench = Bench()
        bench.report(0.0)
        is_lost = False
        moving = False
        for event in (first, *rest):
            EVENTS[event](bench)
            if event in ("moving", "resting", "done", "failed"):
                moving = event == "moving"
            is_lost = event == "lost" or (
                is_lost and event not in ("moving", "resting")
            )
            told = (first, *rest), event
            if bench.fields.DMOV:
                assert bench.running is None, told
                assert is_lost or not moving or event == "rejected", told
            assert all(
                end.words or done or is_lost
                for end, done in zip(
                    bench.settled, bench.done_when_settled, strict=True
                )
            ), told
        bench.put("SPMG", 3)
        bench.put("JOGF", 0)
        for _ in range(4):
            if bench.running is not None:
                bench.end()
        bench.report()
        assert bench.fields.DMOV == 1, (first, *rest)
        assert bench.record.phase is Phase.REST
