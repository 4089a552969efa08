"""Every function of the language against an independent numpy expression."""

import numpy as np
import pytest

from sswd.sequence import GrammarError, parse
from sswd.sequence.functions import FUNCTIONS

NAN = np.nan

CASES = {
    "linear": [
        ("linear(0, 10, 1)", np.arange(0, 10, 1)),
        ("linear(0, 3)", np.arange(3)),
        ("linear(10, 0, -2.5)", np.array([10, 7.5, 5, 2.5])),
        ("linear(start=1, end=1.3, step=0.1)", np.arange(1, 1.3, 0.1)),
        ("linear(-2, 2, 0.05)", np.arange(-2, 2, 0.05)),
        ("linear(5, 5, 1)", np.array([])),
    ],
    "lin_series": [
        ("lin_series(0, 10, 1)", np.linspace(0, 10, 11)),
        ("lin_series(0, 1, 0.1)", np.linspace(0, 1, 11)),
        ("lin_series(0, 1, 0.3)", np.array([0, 0.3, 0.6, 0.9])),
        ("lin_series(75e-12, -100e-12, -25e-12)", 25e-12 * np.arange(3, -5, -1)),
        ("lin_series(5, 5, 1)", np.array([5])),
    ],
    "linspace": [
        ("linspace(0, 1, 11)", np.arange(11) / 10),
        ("linspace(1, -1, n=5)", np.array([1, 0.5, 0, -0.5, -1])),
        ("linspace(3, 7, 1)", np.array([3])),
    ],
    "log_series": [
        ("log_series(1, 1000, 4)", 10 ** (np.arange(13) / 4)),
        ("log_series(1, 1000)", np.logspace(0, 3, 13)),
        ("log_series(1, 50, 1)", np.array([1, 10, 50])),
        ("log_series(1, 0.01, steps_per_decade=2)", 10 ** (-np.arange(5) / 2)),
        # The last point is near enough to 10**-0.75: it is the end, not two points.
        ("log_series(0.01, 0.178, 4)", np.r_[0.01 * 10 ** (np.arange(5) / 4), 0.178]),
        ("log_series(7, 7, 3)", np.array([7])),
    ],
    "geomspace": [
        ("geomspace(1, 1000, 4)", np.array([1, 10, 100, 1000])),
        ("geomspace(-8, -1, 4)", np.geomspace(-8, -1, 4)),
        ("geomspace(2, 3, n=17)", np.exp(np.linspace(np.log(2), np.log(3), 17))),
        ("geomspace(5, 6, 1)", np.array([5])),
    ],
    "ramp": [
        ("ramp(0, 2, 1)", np.array([0, 1, 2, 1, 0])),
        ("ramp(0, 3, 1, 2, 3)", np.r_[[0] * 2, 0, 1, 2, 3, [3] * 3, 2, 1, 0]),
        ("ramp(20, 24, 1, repeat=2)", np.tile(24 - abs(np.arange(9) - 4), 2)),
        ("ramp(low=5, high=0, step=2)", np.array([5, 3, 1, 0, 1, 3, 5])),
        ("ramp(0, 1, 0.1)", np.r_[np.arange(11), np.arange(9, -1, -1)] / 10),
        ("ramp(1, 1, 1)", np.array([1])),
    ],
    "power": [
        ("power(1, 4, 6)", np.logspace(0, -5 / 4, 6)),
        ("power(T0=2, n_per_decade=1, n_power=3)", np.array([2, 0.2, 0.02])),
        ("power(1, 2, 3, reverse=True)", np.sqrt([0.01, 0.1, 1])),
    ],
    "pairs": [
        ("pairs(-1, [1, 2, 3])", np.array([-1, 1, -1, 2, -1, 3])),
        ("pairs(nan, [1, 2])", np.array([NAN, 1, NAN, 2])),
        ("pairs(0, 5)", np.array([0, 5])),
    ],
    "interleave": [
        ("interleave([1, 3], [2, 4])", np.array([1, 2, 3, 4])),
        ("interleave([1, 3, 5], [2, 4])", np.arange(1, 6)),
        ("interleave(-1, [1, 2, 3])", np.array([1, -1, 2, -1, 3])),
        ("interleave([1, 2, 3], -1)", np.array([1, -1, 2, -1, 3])),
        ("interleave(1, 2)", np.array([1, 2])),
        ("interleave(0, [])", np.array([])),
    ],
    "repeat": [
        ("repeat([1, 2], 3)", np.resize([1, 2], 6)),
        ("repeat(series=5, n=4)", np.full(4, 5)),
    ],
    "reverse": [
        ("reverse([1, 2, 4])", np.array([4, 2, 1])),
        ("reverse(linear(0, 100, 1))", np.arange(99, -1, -1)),
    ],
    "round": [
        ("round([1.26, -2.34], 1)", np.array([1.3, -2.3])),
        ("round([0.5, 1.5, 2.5])", np.array([0, 2, 2])),
        ("round([149, 151], -2)", np.array([100, 200])),
        ("round([1e300], 20)", np.array([1e300])),
    ],
}


def test_every_function_has_cases() -> None:
    assert set(CASES) == set(FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "expected"), [case for cases in CASES.values() for case in cases]
)
def test_function_computes_what_numpy_computes(text, expected) -> None:
    series = parse(text)
    assert series.dtype == np.float64
    assert series.shape == np.shape(expected)
    np.testing.assert_allclose(series, expected, rtol=1e-12, atol=1e-24)


def test_linear_is_numpy_arange_bit_by_bit() -> None:
    """An old trajectory must not gain or lose its last point to rounding."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        start, length = rng.normal(size=2).round(2) * 10
        step = float(rng.uniform(0.01, 1).__round__(2)) * (1 if length >= 0 else -1)
        text = f"linear({start!r}, {start + length!r}, {step!r})".replace(
            "np.float64", ""
        )
        np.testing.assert_array_equal(
            parse(text), np.arange(start, start + length, step)
        )


@pytest.mark.parametrize("end", [0.3, 0.6, 0.7, 1.2, 1.4, 1.7, 2.3, 4.1, 999.9])
def test_lin_series_hits_an_end_on_the_grid_exactly(end) -> None:
    """0.1 * 3 is above 0.3: enough for a controller to refuse its own limit."""
    series = parse(f"lin_series(0, {end}, 0.1)")
    assert len(series) == round(end * 10) + 1
    assert series[-1] == end


def test_log_series_never_doubles_its_end() -> None:
    # To three digits, an end is within 0.5 % of the grid point that it means.
    for digits in (3, 4):
        for exponent in np.arange(1, 30) / 8:
            end = float(f"{10**exponent:.{digits}g}")
            ratios = np.diff(np.log10(parse(f"log_series(1, {end!r}, 8)")))
            assert (ratios > 0.25 / 8).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("linear(0, 10, 0)", "step is 0"),
        ("linear(0, 10, -1)", "use step 1"),
        ("lin_series(10, 0, 1)", "use step -1"),
        ("lin_series(0, 1, 1e-320)", "the limit is 10000"),
        ("linspace(0, 1, 0)", "1 or more"),
        ("linspace(0, 1, 2.5)", "a whole number"),
        ("linspace(-1e308, 1e308, 5)", "too large"),
        ("linspace(0, nan, 5)", "finite"),
        ("log_series(0, 1, 4)", "start is 0; it must be more than 0"),
        ("log_series(1, -1, 4)", "end is -1"),
        ("log_series(1, 10, 0)", "steps_per_decade"),
        ("geomspace(0, 1, 4)", "same sign"),
        ("geomspace(-1, 1, 4)", "same sign"),
        ("ramp(0, 1, 0)", "step is 0"),
        ("ramp(0, 1, 1, hold_low=-1)", "hold_low is -1"),
        ("ramp(0, 1, 1, repeat=0)", "1 or more"),
        ("ramp(0, 1, 1, hold_high=1e12)", "1e+12 points"),
        ("power(1, 0, 3)", "n_per_decade"),
        ("power(1, 4, -3)", "n_power is -3"),
        ("interleave([1], [1, 2])", "as many points as b, or one more"),
        ("repeat([1], 0)", "1 or more"),
        ("round([1], 99)", "digits go from -30 to 30"),
        ("round('a')", "a series"),
    ],
)
def test_function_refuses_in_words(text, words) -> None:
    with pytest.raises(GrammarError, match="column") as refused:
        parse(text)
    assert words in str(refused.value)
