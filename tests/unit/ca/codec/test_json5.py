"""JSON5 as EPICS base's filters use it."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.ioc.ca.codec import json5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"dbnd":{"abs":1.5}}', {"dbnd": {"abs": 1.5}}),
        ("{dbnd:{abs:1.5}}", {"dbnd": {"abs": 1.5}}),
        (
            "{ a : 'x\\'y' , \"b\" : [1, +2, -0x1F, .5, 5., 1e3,], }",
            {"a": "x'y", "b": [1, 2, -31, 0.5, 5.0, 1000.0]},
        ),
        (
            "[true,false,null,Infinity,-Infinity]",
            [True, False, None, math.inf, -math.inf],
        ),
        ("// words\n{/* more */a:'\\u00b5\\x41\\n'}", {"a": "µA\n"}),
        ("{}", {}),
        ("[]", []),
        ("'a\\\nb'", "ab"),
    ],
)
def test_parse(text, value):
    assert json5.parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "{a}", "{a:}", "{a:1 b:2}", "{,}", "[,]", "[1 2]", "'x", "nix",
        "{1:2}", "{} x", "/* open", "[" * 9 + "]" * 9, "--1", "0x",
    ],
)  # fmt: skip
def test_what_is_no_json5_is_a_value_error(text):
    with pytest.raises(ValueError, match="JSON"):
        json5.parse(text)


@given(
    st.text(max_size=60) | st.text(alphabet="{}[],:'\"\\/*0x1.e+-aN \n", max_size=60)
)
def test_nothing_but_a_value_error_comes_of_any_text(text):
    with contextlib.suppress(ValueError):
        json5.parse(text)


def test_a_long_number_and_a_deep_text_are_cheap():
    assert json5.parse("9" * 5000) == math.inf
    with pytest.raises(ValueError, match="deeper"):
        json5.parse("[" * 100_000)
