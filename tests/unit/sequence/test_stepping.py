"""Where a step goes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.sequence import Step, StepError, Stepper, index_for


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_one_count_drives_nested_loops(lengths) -> None:
    """With each divider the product of the inner lengths, every combination comes
    once, in the order of nested for loops, the innermost first."""
    dividers = np.cumprod([1, *lengths[:-1]]).tolist()
    total = math.prod(lengths)
    seen = [
        tuple(
            index_for(n, d, length) for d, length in zip(dividers, lengths, strict=True)
        )
        for n in range(total)
    ]
    loops = np.ndindex(*reversed(lengths))
    assert seen == [tuple(reversed(indices)) for indices in loops]
    assert index_for(total, dividers[-1], lengths[-1]) == 0


@pytest.mark.parametrize(
    ("count", "divider", "length", "words"),
    [
        (-1, 1, 3, "index -1 is not from 0"),
        (0, 0, 3, "DIVIDER 0 is not from 1"),
        (0, 1, 0, "no trajectory is loaded"),
        (0.5, 1, 3, "no whole number"),
        (math.nan, 1, 3, "no whole number"),
        (math.inf, 1, 3, "no whole number"),
        (2**31, 1, 3, "not from 0 to 2147483647"),
        ("x", 1, 3, "is no number"),
        (None, 1, 3, "is no number"),
    ],
)
def test_bad_counts_are_refused(count, divider, length, words) -> None:
    with pytest.raises(StepError, match=words):
        index_for(count, divider, length)


def test_stepper_goes_round() -> None:
    stepper = Stepper(divider=2)
    stepper.load([10, 20, 30])
    steps = [stepper.step(n) for n in range(8)]
    assert [s.index for s in steps] == [0, 0, 1, 1, 2, 2, 0, 0]
    assert [s.value for s in steps] == [10, 10, 20, 20, 30, 30, 10, 10]


def test_idle_value_where_nothing_is_loaded() -> None:
    stepper = Stepper(idle_value=-5.0)
    assert stepper.step(7) == Step(-5.0, None)
    stepper.load([1])
    assert stepper.step(7) == Step(1.0, 0)
    stepper.unload()
    assert stepper.step(7) == Step(-5.0, None)
    with pytest.raises(StepError):
        stepper.step(-1)


def test_return_value_after_an_abort() -> None:
    assert Stepper().after_abort() is None
    assert Stepper(return_value=0.0).after_abort() == 0.0


def test_load_copies_and_protects() -> None:
    source = np.array([1.0, 2.0])
    stepper = Stepper()
    series = stepper.load(source)
    source[0] = 9
    assert series[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        series[0] = 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[1, 2], [3, 4]], "1 dimension, not 2"),
        (5, "1 dimension, not 0"),
        (["a"], "no numbers"),
        ([[1], [2, 3]], "no numbers"),
        (range(11), "11 points; the limit is 10"),
    ],
)
def test_load_refuses_what_is_no_series(values, words) -> None:
    stepper = Stepper()
    stepper.load([7])
    with pytest.raises(StepError, match=words):
        stepper.load(values, limit=10)
    assert stepper.values.tolist() == [7]
