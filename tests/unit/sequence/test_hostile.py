"""No text does harm: refused in words, quickly, and within the limit of points."""

import tracemalloc

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

from sswd.sequence import GrammarError, Parameter, VerbSignature, parse, preview
from sswd.sequence.functions import CONSTANTS, FUNCTIONS, LITERALS

from . import hostile

VERBS = (
    VerbSignature(
        "flow",
        (
            Parameter("position", ("float",)),
            Parameter("speed", ("float", "none"), required=False, default="0.1"),
            Parameter("mode", ("choice",), required=False, choices=("slow", "fast")),
            Parameter("path", ("list", "str"), required=False, keyword_only=True),
        ),
    ),
    VerbSignature("stop"),
)
ALLOWED_S = 0.010
NOISE = 5
"""This machine may be that much slower than the one that the promise is about."""


def test_corpus_is_large_enough() -> None:
    assert len(set(hostile.REFUSED.values())) >= 60


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_hostile_text_is_refused_in_words(name) -> None:
    text = hostile.REFUSED[name]
    with pytest.raises(GrammarError) as refused:
        parse(text, VERBS)
    words = str(refused.value)
    assert refused.value.reason
    assert refused.value.mend
    assert words.isascii()
    assert words.isprintable()
    assert len(words) < 600
    assert str(preview(text, VERBS)) == f"refused: {words}"


@pytest.mark.timing
@pytest.mark.parametrize("name", [*hostile.REFUSED, *hostile.SLOW])
def test_ten_milliseconds_for_any_text(name) -> None:
    text = {**hostile.REFUSED, **hostile.SLOW}[name]
    assert hostile.steps(lambda: parse(text)) < hostile.STEPS
    assert hostile.cpu_s(lambda: parse(text)) < NOISE * ALLOWED_S


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_nothing_large_is_allocated(name) -> None:
    text = hostile.REFUSED[name]
    tracemalloc.start()
    try:
        with pytest.raises(GrammarError):
            parse(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def checked(text: str, limit: int = 10_000) -> None:
    """Hold a text against every promise."""
    result: object = None

    def work() -> None:
        nonlocal result
        result = parse(text, VERBS, limit=limit)

    assert hostile.steps(work) < hostile.STEPS
    if isinstance(result, np.ndarray):
        assert result.dtype == np.float64
        assert result.ndim == 1
        assert len(result) <= limit
        assert not np.isinf(result).any()
        assert "nan" in text or not np.isnan(result).any()
    assert str(preview(text, VERBS, limit)).isascii()
    assert hostile.cpu_s(work, rounds=2) < NOISE * ALLOWED_S or (
        hostile.cpu_s(work) < NOISE * ALLOWED_S
    )


PIECES = [
    *(f"{name}(" for name in [*FUNCTIONS, "flow", "stop"]),
    *CONSTANTS,
    *LITERALS,
    *"[](),,,,,+-*/=.'\" \t\n\0:{}_aez0123456789",
    "**", "//", "1e308", "-1e-308", "1e999", "0.1", "10000", "2", "[1,2,3]", "]*3",
    "position=", "speed=", "n=", "step=", "repeat=9,", "'slow'", "linear(0,9999)",
    "linspace(0,1,5000)", "\N{MICRO SIGN}", "\ud800", "__class__",
]  # fmt: skip
ARGUMENT = st.sampled_from(
    ["0", "1", "-3", "7.5", "1e308", "-1e-320", "1e-9", "nan", "[]", "[1,2]", "9999",
     "linear(0,5000)", "True", "'x'", "10000000", "pi"]
)  # fmt: skip
CALL = st.builds(
    lambda name, arguments: f"{name}({','.join(arguments)})",
    st.sampled_from([*FUNCTIONS, "flow"]),
    st.lists(ARGUMENT, max_size=7),
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.text(alphabet=st.characters(max_codepoint=255), max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.lists(CALL, min_size=1, max_size=8).map("+".join),
    st.lists(CALL, min_size=1, max_size=8).map(lambda calls: f"[{','.join(calls)}]"),
    st.builds(
        lambda pieces, times: ("".join(pieces) * times)[:10_000],
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
        st.integers(1, 5_000),
    ),
    st.builds(
        lambda name, core, tail, depth: f"{name}(" * depth + core + tail * depth,
        st.sampled_from([*FUNCTIONS]),
        CALL,
        st.sampled_from([")", ",2)", ",[1])", ",0.5)"]),
        st.integers(1, 40),
    ),
)


@pytest.mark.timing
@settings(deadline=None, max_examples=400)
@given(TEXTS)
@example("linear(1e308,-1e308,-1e304)")
@example("geomspace(5e-324,1e308,9)")
@example("power(1,1e-320,3)")
@example("ramp(-1e308,1e308,1e305)")
@example("lin_series(9007199254740992,9007199254740999,0.5)")
@example("round([1e308],30)")
def test_any_text_is_a_trajectory_a_call_or_a_refusal(text) -> None:
    checked(text)


@pytest.mark.timing
@settings(deadline=None, max_examples=60)
@given(TEXTS, st.integers(0, 50))
def test_any_text_keeps_any_limit(text, limit) -> None:
    checked(text, limit)
