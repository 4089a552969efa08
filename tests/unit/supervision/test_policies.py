"""The small pure parts: back-off, memory ceiling, alarms, and telling in measure."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.ioc.process.output_log import MAX_LINE, TAIL, OutputLog
from sswd.ioc.pvs.alarm_priority import ALARMS, NO_ALARM, AlarmTable, Condition
from sswd.ioc.supervision.backoff import GOOD_RUN_S, Backoff, Ceiling, Size

# -- back-off


def test_the_first_death_after_a_good_run_restarts_at_once_then_it_doubles():
    backoff = Backoff(0.5, 3.0)
    assert backoff.died(0.0, GOOD_RUN_S) == 0.0
    assert [backoff.died(1.0, 0.1) for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff.died(9.0, GOOD_RUN_S + 1) == 0.0
    assert backoff.died(9.1, 0.0) == 0.5


def test_a_worker_that_never_ran_waits_at_once():
    assert Backoff(0.5).died(0.0, 0.0) == 0.5


def test_the_budget_counts_deaths_within_the_window():
    backoff = Backoff(0.5, max_restarts=2, window_s=10.0)
    assert backoff.died(0.0, 0.0) is not None
    assert backoff.died(1.0, 0.0) is not None
    assert backoff.died(10.5, 0.0) is not None  # the first is out of the window
    assert backoff.died(10.9, 0.0) is None
    assert backoff.died(30.0, 0.0) is not None


def test_good_runs_spend_the_budget_too():
    backoff = Backoff(max_restarts=1, window_s=60.0)
    assert backoff.died(0.0, 10.0) == 0.0
    assert backoff.died(11.0, 10.0) is None


def test_no_budget_at_all():
    assert Backoff(max_restarts=0).died(0.0, 100.0) is None


def test_an_operator_forgives():
    backoff = Backoff(0.5, max_restarts=3)
    for _ in range(3):
        backoff.died(0.0, 0.0)
    backoff.clear()
    assert backoff.died(0.0, 0.0) == 0.5


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=300))
def test_delays_have_bounds_and_memory_has_one(deaths):
    backoff = Backoff(0.5, 30.0, max_restarts=5, window_s=10.0)
    now_s = 0.0
    for after_s, ran_s in deaths:
        now_s += after_s
        delay_s = backoff.died(now_s, ran_s)
        assert delay_s is None or delay_s == 0.0 or 0.5 <= delay_s <= 30.0
        recent = [d for d in backoff._deaths if d >= now_s - 10.0]
        assert list(backoff._deaths) == recent


def test_a_thousand_deaths_do_not_overflow():
    backoff = Backoff(1.0, 30.0, window_s=1.0)
    assert {backoff.died(float(i), 0.0) for i in range(5, 2000)} <= {
        *(2.0**n for n in range(5)),
        30.0,
    }


# -- memory


def judge(ceiling: Ceiling, mb: float, run: int = 1, ran_s: float = 60.0, idle=True):
    return ceiling.judge(mb, run=run, ran_s=ran_s, is_idle=idle)


def test_no_ceiling():
    assert judge(Ceiling(None), 1e9) is Size.FITS


def test_what_has_grown_is_recycled_when_idle():
    ceiling = Ceiling(100.0)
    assert judge(ceiling, 50.0) is Size.FITS
    assert judge(ceiling, 150.0, idle=False) is Size.FITS
    assert judge(ceiling, 150.0, ran_s=1.0) is Size.FITS
    assert judge(ceiling, 100.0) is Size.FITS
    assert judge(ceiling, 150.0) is Size.TOO_LARGE


def test_what_never_fits_is_told_once_and_left_alone():
    ceiling = Ceiling(100.0)
    assert judge(ceiling, 150.0) is Size.NEVER_FITS
    assert judge(ceiling, 500.0) is Size.FITS
    assert judge(ceiling, 150.0, run=2) is Size.FITS
    assert judge(ceiling, 50.0, run=3) is Size.FITS
    assert judge(ceiling, 150.0, run=3) is Size.TOO_LARGE


# -- alarms


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


# -- telling


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines_of(caplog) -> list[str]:
    return [r.getMessage().partition(": ")[2] for r in caplog.records]


@pytest.fixture
def output(clock, caplog) -> OutputLog:
    caplog.set_level(logging.INFO)
    return OutputLog(logging.getLogger("sswd.worker"), "stage", clock)


def test_lines_are_cut_from_what_comes(output, caplog):
    for part in (b"on", b"e\ntw", b"o\r\n", b"", b"\n", b"rest"):
        output.feed(part)
    assert lines_of(caplog) == ["one", "two", ""]
    assert output.end() == ["one", "two", "", "rest"]
    assert lines_of(caplog)[-1] == "rest"


def test_a_line_without_end_is_cut(output):
    output.feed(b"x" * (3 * MAX_LINE + 5))
    assert [len(line) for line in output.end()] == [MAX_LINE] * 3 + [5]


def test_a_long_line_with_an_end_is_shortened(output):
    output.feed(b"x" * (2 * MAX_LINE) + b"\nnext\n")
    assert [len(line) for line in output.end()] == [MAX_LINE, 4]


def test_bytes_that_are_no_text(output):
    output.feed(b"caf\xe9\n\xff\n")
    assert output.end() == ["caf\\xe9", "\\xff"]


def test_only_the_last_lines_are_kept(output):
    output.feed(b"".join(b"%d\n" % i for i in range(200)))
    assert output.end() == [str(i) for i in range(200 - TAIL, 200)]


def test_a_flood_is_dropped_and_counted_once_a_second(output, clock, caplog):
    output.feed(b"x\n" * 1000)
    assert len(caplog.records) == 200
    assert output.holds_back
    output.flush()
    output.feed(b"x\n" * 10)
    output.flush()
    words = [r.getMessage() for r in caplog.records if "dropped" in r.getMessage()]
    assert words == [
        "worker stage: 800 lines of output dropped, it prints too fast",
    ]
    clock.now_s += 1.5
    output.flush()
    assert "10 lines" in caplog.records[-1].getMessage()
    assert not output.holds_back


def test_the_end_tells_what_was_dropped_last(output, caplog):
    output.feed(b"x\n" * 201)
    output.flush()
    output.feed(b"x\n" * 5)
    output.end()
    assert "5 lines" in caplog.records[-1].getMessage()


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_no_output_is_lost_below_the_limit(parts):
    quiet = logging.getLogger("sswd.test.quiet")
    quiet.disabled = True
    output = OutputLog(quiet, "x")
    for part in parts:
        output.feed(part)
    whole = b"".join(parts)
    wanted = whole.split(b"\n")
    if not wanted[-1]:
        wanted.pop()
    assert output.end() == [
        line.decode(errors="backslashreplace").rstrip("\r") for line in wanted[-TAIL:]
    ]
