"""How long to wait after a death, and when a worker has grown too large."""

from hypothesis import given
from hypothesis import strategies as st

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
