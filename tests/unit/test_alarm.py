"""EPICS's words for alarms, as a driver may write them."""

import pytest

from sswd.alarm import NO_ALARM, Severity, Status, alarm_of


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (("MAJOR", "HIHI", "hot"), (2, 3, "hot")),
        (("major", None, ""), (2, Status.SOFT, "")),
        ((Severity.MINOR, Status.READ, ""), (1, 1, "")),
        ((3, 9, ""), (3, 9, "")),
        ((None, "COMM", ""), (3, 9, "")),
        (("NO_ALARM", "HIHI", ""), (0, 0, "")),
        ((None, None, "only words"), (0, 0, "only words")),
    ],
)
def test_words(given, wanted):
    alarm = alarm_of(*given)
    assert (alarm.severity, alarm.status, alarm.message) == wanted


@pytest.mark.parametrize("given", ["GRAVE", 4, -1, 1.5j, object(), "", [1]])
def test_what_epics_does_not_know(given):
    with pytest.raises(ValueError, match="NO_ALARM, MINOR, MAJOR, INVALID"):
        alarm_of(given)
    with pytest.raises(ValueError, match=r"say one of .*HIHI"):
        alarm_of("MAJOR", "GRAVE")


def test_nothing_is_no_alarm():
    assert alarm_of(None) is NO_ALARM
