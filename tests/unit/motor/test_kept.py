"""What clients set of a motor: saved, and taken while it still stands for the same."""

from typing import Any

import pytest

from sswd.config.keys import MotorConfig
from sswd.ioc.motor import puts
from sswd.ioc.motor.kept import FIELDS, Kept
from sswd.ioc.motor.record import MotorRecord
from sswd.ioc.state.format import Saved, decode, encode
from sswd.pipe.motor import MotorReport


def made(**config: Any) -> tuple[MotorRecord, Kept]:
    keys = MotorConfig(**config)
    record = MotorRecord(keys)
    return record, Kept(keys, record)


def report(record: MotorRecord, **told: Any) -> None:
    record.reported(MotorReport(position=2.0, ended=0, moving=False, **told))


def saved(kept: Kept) -> dict[str, object]:
    """As the state file gives it back."""
    values = {field: Saved(kept.value(field), 1.0) for field in FIELDS}
    return {field: each.value for field, each in decode(encode(1, values))[1].items()}


def test_nothing_is_kept_that_nobody_has_set() -> None:
    record, kept = made(offset=3.0, direction="Neg", limits=(-1.0, 1.0))
    assert set(saved(kept).values()) == {None}
    report(record, limits=(-5.0, 5.0))
    assert set(saved(kept).values()) == {None}
    _, later = made()
    assert later.restore(saved(kept)) == ([], [])


def test_what_clients_set_comes_back() -> None:
    record, kept = made(offset=3.0)
    report(record)
    for field, value in (("DIR", 1), ("FOFF", 1), ("OFF", 7.5), ("HLM", 9), ("LLM", 1)):
        puts.put(record, field, float(value))
    later, again = made(offset=3.0)
    assert again.restore(saved(kept)) == (list(FIELDS), [])
    report(later)
    for field in (*FIELDS, "HLM", "LLM", "VAL", "RBV", "DVAL"):
        assert getattr(later.fields, field) == getattr(record.fields, field), field
    assert saved(again) == saved(kept)


def test_an_offset_that_was_set_by_a_position_comes_back() -> None:
    record, kept = made()
    report(record)
    puts.put(record, "SET", 1)
    puts.put(record, "VAL", 10.0)
    later, again = made()
    again.restore(saved(kept))
    report(later)
    assert (later.fields.OFF, later.fields.RBV, later.fields.VAL) == (8.0, 10.0, 10.0)


def test_the_configuration_wins_when_it_has_changed() -> None:
    record, kept = made(limits=(-10.0, 10.0))
    report(record)
    for field, value in (("OFF", 7.5), ("HLM", 9.0), ("DIR", 1)):
        puts.put(record, field, value)
    later, again = made(offset=1.0, limits=(-2.0, 2.0))
    assert again.restore(saved(kept)) == (["DIR"], ["OFF", "DLLM", "DHLM"])
    assert later.fields.OFF == 1.0
    assert later.fields.DLLM == -2.0
    assert later.fields.DHLM == 2.0


@pytest.mark.parametrize(
    ("told", "high"), [((-10.0, 10.0), 4.0), ((-10.0, 3.0), 3.0), (None, 4.0)]
)
def test_limits_of_the_object_win_when_they_have_changed(
    told: tuple[float, float] | None, high: float
) -> None:
    record, kept = made()
    report(record, limits=(-10.0, 10.0))
    puts.put(record, "HLM", 4.0)
    later, again = made()
    assert again.restore(saved(kept)) == (["DLLM", "DHLM"], [])
    report(later, limits=told)
    assert later.fields.DLLM == -10.0
    assert high == later.fields.DHLM


def test_limits_that_the_configuration_has_now_win() -> None:
    """What clients put was for the limits of the object."""
    record, kept = made()
    report(record, limits=(-10.0, 10.0))
    puts.put(record, "HLM", 4.0)
    later, again = made(limits=(-2.0, 2.0))
    assert again.restore(saved(kept)) == ([], ["DLLM", "DHLM"])
    report(later, limits=(-10.0, 10.0))
    assert (later.fields.LLM, later.fields.HLM) == (-2.0, 2.0)


@pytest.mark.parametrize(
    "value", ["7", [7.0], [True], [float("nan"), 0.0], ["7", 0.0], 7.0, {}]
)
def test_what_is_no_such_thing_is_left(value: object) -> None:
    record, kept = made()
    assert kept.restore({"OFF": value, "DLLM": value}) == ([], [])
    assert record.fields.OFF == 0.0
