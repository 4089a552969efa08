"""Alarm limits and states as checkAlarms() of EPICS base has them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.alarm import NO_ALARM, Severity, Status
from sswd.ioc.pvs.alarm_limits import NAN_ALARM, AlarmLimits, AlarmStates


def limits(**changed) -> AlarmLimits:
    standard = {
        "hihi": 10.0,
        "high": 8.0,
        "low": 2.0,
        "lolo": 0.0,
        "hihi_severity": Severity.MAJOR,
        "high_severity": Severity.MINOR,
        "low_severity": Severity.MINOR,
        "lolo_severity": Severity.MAJOR,
    }
    return AlarmLimits(**{**standard, **changed})


@pytest.mark.parametrize(
    ("value", "severity", "status"),
    [
        (5.0, 0, Status.NO_ALARM),
        (8.0, 1, Status.HIGH),
        (9.99, 1, Status.HIGH),
        (10.0, 2, Status.HIHI),
        (math.inf, 2, Status.HIHI),
        (2.0, 1, Status.LOW),
        (0.0, 2, Status.LOLO),
        (-math.inf, 2, Status.LOLO),
        (math.nan, 3, Status.UDF),
    ],
)
def test_a_value_on_its_limit_is_in_alarm(value, severity, status):
    alarm = limits().check(value)
    assert (alarm.severity, alarm.status) == (severity, status)


def test_hysteresis_counts_on_the_way_back_only():
    rules = limits(hysteresis=1.0)
    seen = [
        rules.check(value).status
        for value in (9.5, 7.5, 7.0, 6.9, 7.5, 10.0, 9.5, 9.0, 8.9, 6.9)
    ]
    assert seen == [
        Status.HIGH,
        Status.HIGH,  # 7.5 is within 1 of HIGH
        Status.HIGH,  # so is 7.0
        Status.NO_ALARM,
        Status.NO_ALARM,  # coming from below, HIGH begins at 8
        Status.HIHI,
        Status.HIHI,
        Status.HIHI,
        Status.HIGH,
        Status.NO_ALARM,
    ]


def test_a_limit_without_severity_is_not_looked_at():
    rules = limits(hihi_severity=0, high_severity=0)
    assert rules.check(100.0) == NO_ALARM
    assert not AlarmLimits().is_set
    assert AlarmLimits().check(0.0) == NO_ALARM


def test_words_stay_while_the_value_moves():
    """New words alone are an event of their own."""
    rules = limits()
    assert rules.check(11.0) == rules.check(12.0)
    assert rules.check(11.0).message == "at or above HIHI 10"


def as_base(values, hyst):
    """checkAlarms() of aiRecord.c, line by line, for the standard limits."""
    lalm, seen = 5.0, []
    for val in values:
        for asev, alev, is_upper, stat in (
            (2, 10.0, True, Status.HIHI),
            (2, 0.0, False, Status.LOLO),
            (1, 8.0, True, Status.HIGH),
            (1, 2.0, False, Status.LOW),
        ):
            if is_upper:
                hit = val >= alev or (lalm == alev and val >= alev - hyst)
            else:
                hit = val <= alev or (lalm == alev and val <= alev + hyst)
            if asev and hit:
                lalm = alev
                seen.append(stat)
                break
        else:
            lalm = val
            seen.append(Status.NO_ALARM)
    return seen


@given(
    st.lists(st.floats(-5, 15) | st.sampled_from([0.0, 2.0, 8.0, 10.0])),
    st.sampled_from([0.0, 0.5, 3.0]),
)
def test_any_walk_equals_that_of_base(values, hyst):
    rules = limits(hysteresis=hyst, last_alarmed=5.0)
    assert [rules.check(v).status for v in values] == as_base(values, hyst)


def test_states():
    states = AlarmStates([0, Severity.MINOR, Severity.INVALID])
    assert states.is_set
    assert states.check(0, "off") == NO_ALARM
    assert states.check(1, "warm").severity == Severity.MINOR
    assert states.check(1, "warm").status == Status.STATE
    assert states.check(2, "fault").message == "state fault"
    assert states.check(7, "none") == NO_ALARM
    assert not AlarmStates([0, 0]).is_set


def test_not_a_number_is_undefined():
    assert (NAN_ALARM.severity, NAN_ALARM.status) == (3, Status.UDF)
    assert AlarmLimits().check(math.nan) == NAN_ALARM
