"""Dead bands as recGblCheckDeadband() of EPICS base has them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.ioc.pvs.dead_band import DBE_LOG, DBE_VALUE, DeadBand, difference

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("mdel", "values", "events"),
    [
        (0.0, [0.0, 1.0, 1.0, 1.5], [False, True, False, True]),
        (-1.0, [0.0, 0.0, 0.0], [True, True, True]),
        (0.5, [0.4, 0.5, 0.51, 1.0, 1.02], [False, False, True, False, True]),
        (0.0, [NAN, NAN, 0.0, NAN], [True, False, True, True]),
        (1e9, [INF, INF, -INF, 0.0, NAN], [True, False, True, True, True]),
        (-1.0, [NAN, NAN], [True, True]),
    ],
)
def test_events(mdel, values, events):
    band = DeadBand(mdel, 0.0, 0.0)
    assert [bool(band.check(v) & DBE_VALUE) for v in values] == events


def test_the_two_bands_are_apart():
    band = DeadBand(0.5, 2.0, 0.0)
    assert band.check(1.0) == DBE_VALUE
    assert band.check(2.5) == DBE_VALUE | DBE_LOG
    assert (band.last_monitored, band.last_archived) == (2.5, 2.5)
    assert band.check(2.6) == 0


numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(numbers, numbers)
def test_difference(old, new):
    assert difference(old, new) == difference(new, old) or math.isnan(old - new)
    same = old == new or (math.isnan(old) and math.isnan(new))
    assert (difference(old, new) == 0) == same or abs(old - new) == 0
