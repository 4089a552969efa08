"""Which of a PV's alarm conditions it shows."""

from hypothesis import given
from hypothesis import strategies as st

from sswd.ioc.pvs.alarm_priority import ALARMS, NO_ALARM, AlarmTable, Condition


def test_the_gravest_is_shown_and_the_former_returns():
    alarms = AlarmTable()
    assert alarms.raise_("X", Condition.FAILED) == ALARMS[Condition.FAILED]
    assert alarms.raise_("X", Condition.STALLED) == ALARMS[Condition.STALLED]
    assert alarms.raise_("X", Condition.GONE) == ALARMS[Condition.GONE]
    assert alarms.clear("X", Condition.STALLED) is None
    assert alarms.clear("X", Condition.GONE) == ALARMS[Condition.FAILED]
    assert alarms.clear("X", Condition.FAILED) == NO_ALARM


def test_what_changes_nothing_is_not_told():
    alarms = AlarmTable()
    assert alarms.clear("X", Condition.GONE) is None
    alarms.raise_("X", Condition.GONE)
    assert alarms.raise_("X", Condition.GONE) is None
    assert alarms.raise_("X", Condition.FAILED) is None


def test_each_pv_has_its_own():
    alarms = AlarmTable()
    alarms.raise_("X", Condition.GONE)
    assert not alarms.holds("Y", Condition.GONE)
    assert alarms.holds("X", Condition.GONE)
    assert alarms.clear("Y", Condition.GONE) is None


def test_epics_numbers():
    """alarm.h: WRITE 2, COMM 9, TIMEOUT 10; MAJOR 2, INVALID 3."""
    assert ALARMS == {
        Condition.GONE: (9, 3),
        Condition.STALLED: (10, 3),
        Condition.FAILED: (2, 2),
    }


@given(
    st.lists(
        st.tuples(
            st.booleans(), st.sampled_from("XY"), st.sampled_from(list(Condition))
        )
    )
)
def test_alarms_agree_with_sets(changes):
    alarms, shown = AlarmTable(), {"X": NO_ALARM, "Y": NO_ALARM}
    held: dict[str, set[Condition]] = {"X": set(), "Y": set()}
    for adds, pv, condition in changes:
        (held[pv].add if adds else held[pv].discard)(condition)
        answer = (alarms.raise_ if adds else alarms.clear)(pv, condition)
        wanted = ALARMS[min(held[pv])] if held[pv] else NO_ALARM
        assert answer == (wanted if wanted != shown[pv] else None)
        shown[pv] = wanted
