"""Which of a PV's alarms shows."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sswd.alarm import NO_ALARM, Alarm, Severity, Status
from sswd.ioc.pvs.alarm_priority import Source, alarm_from, shown_of

SEVERITIES = (Severity.MINOR, Severity.MAJOR, Severity.INVALID)
FREE = (Source.DRIVER, Source.LIMITS)
"""Sources whose severity is not fixed."""


def test_nothing_held_is_no_alarm():
    assert shown_of({}) == NO_ALARM


def test_every_pair_of_sources_in_every_severity():
    """The graver one shows; among equals the one that comes first in Source."""
    for one, other in itertools.permutations(Source, 2):
        for first, second in itertools.product(SEVERITIES, repeat=2):
            held = {one: Alarm(first, 1, "one"), other: Alarm(second, 2, "other")}
            if first != second:
                winner = one if first > second else other
            else:
                winner = min(one, other)
            assert shown_of(held) == held[winner]


@given(st.dictionaries(st.sampled_from(Source), st.sampled_from(SEVERITIES)))
def test_any_set_of_sources(severities):
    held = {s: Alarm(severity, 1, s.name) for s, severity in severities.items()}
    shown = shown_of(held)
    assert shown.severity == max(severities.values(), default=0)
    rivals = [s for s, severity in severities.items() if severity == shown.severity]
    assert shown.message == (min(rivals).name if rivals else "")


def test_when_it_ends_the_next_one_shows():
    held = {
        Source.FAILED_COMMAND: alarm_from(Source.FAILED_COMMAND, "failed"),
        Source.STALE: alarm_from(Source.STALE, "old"),
        Source.WORKER_GONE: alarm_from(Source.WORKER_GONE, "gone"),
    }
    shown = []
    for source in sorted(held.copy()):
        shown.append(shown_of(held).message)
        del held[source]
    assert shown == ["gone", "old", "failed"]


def test_epics_numbers():
    """alarm.h: WRITE 2, COMM 9, TIMEOUT 10, READ 1, LINK 14; MAJOR 2, INVALID 3."""
    fixed = {s: alarm_from(s) for s in Source if s not in FREE}
    assert {s: (a.status, a.severity) for s, a in fixed.items()} == {
        Source.WORKER_GONE: (9, 3),
        Source.WORKER_SILENT: (10, 3),
        Source.LINK_LOST: (9, 3),
        Source.READ_FAILED: (1, 3),
        Source.STALE: (10, 3),
        Source.INPUT_LOST: (14, 3),
        Source.FAILED_COMMAND: (2, 2),
    }
    assert (Status.HIHI, Status.HIGH, Status.LOLO, Status.LOW) == (3, 4, 5, 6)
    assert (Status.STATE, Status.UDF, Status.SOFT) == (7, 17, 15)
