"""Literals, lists, operators, arguments, and where and how they are refused."""

import ast
from pathlib import Path

import numpy as np
import pytest

import sswd.sequence
from sswd.errors import SswdError
from sswd.sequence import GrammarError, parse

ACCEPTED = {
    "[0]": [0],
    "[0, 1.5, 3]": [0, 1.5, 3],
    "[]": [],
    "5": [5],
    "1, 2, [3, [4]]": [1, 2, 3, 4],
    "[1, 2,]": [1, 2],
    " \t[ 1 ,\r\n 2 ] \n": [1, 2],
    "[.5, 5., 1e3, 1E-3, -2, +2, --2]": [0.5, 5, 1000, 0.001, -2, 2, 2],
    "[007]": [7],
    "[-0.5e+1, - 3]": [-5, -3],
    "[0, linear(0, 3), [7, 8]]": [0, 0, 1, 2, 7, 8],
    "[0] + linear(0, 2) + [9]": [0, 0, 1, 9],
    "[0] * 3": [0, 0, 0],
    "2 * [1, 2]": [1, 2, 1, 2],
    "[0]*(4/2)": [0, 0],
    "([0] + [1]) * 2": [0, 1, 0, 1],
    "[1 + 2*3, (1+2)*3, 7/2, 2-3-4, 8/4/2]": [7, 9, 3.5, -5, 1],
    "-(1 + 2)": [-3],
    "[pi, e]": [np.pi, np.e],
    "[nan, -nan, 1 + nan]": [np.nan] * 3,
    "[999999999999999999 + 1]": [1e18],
    "[9223372036854775807 * 3]": [2.7670116110564327e19],
    "reverse(series=[1, 2])": [2, 1],
    "repeat(reverse(linear(0, 2)), 2)": [1, 0, 1, 0],
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_text_means(text) -> None:
    series = parse(text)
    assert series.dtype == np.float64
    assert series.flags.c_contiguous
    np.testing.assert_array_equal(series, ACCEPTED[text])


REFUSED = {
    "": (0, "empty"),
    "   ": (0, "empty"),
    "[0, 1": (1, "'[' is never closed; add ']'"),
    "linear(0, 1": (7, "'(' is never closed"),
    "[0, 1]]": (7, "no list to close"),
    "[1 2]": (4, "commas"),
    "[0,,1]": (4, "a value is missing"),
    "[,]": (2, "a value is missing"),
    "10us": (3, "10e-6, not 10us"),
    "9**9**9**9": (2, "no power operator"),
    "2^3": (2, "no power operator"),
    "7 // 2": (3, "operators are + - * /"),
    "7 % 2": (3, "operators are + - * /"),
    "()": (2, "missing"),
    "(1, 2)": (3, "[1, 2]"),
    "[1][0]": (4, "no index"),
    "[1].append": (4, "no attributes"),
    "linear.real": (1, "is a function; write linear(start: float"),
    "x = [1]": (1, "unknown name 'x'"),
    "[1] = 2": (5, "name=value belongs"),
    "{'a': 1}": (1, "no dictionaries"),
    "[1; 2]": (3, "commas"),
    "[1:2]": (3, "no slices"),
    "lambda: 0": (1, "no functions of your own"),
    "liner(0, 1)": (1, "did you mean linear?"),
    "[0, Linear(0, 1)]": (5, "did you mean linear?"),
    "arange(0, 1)": (1, "use linear(start, end, step)"),
    "inf": (1, "finite"),
    "pi(3)": (1, "is no function; remove the '('"),
    "5(3)": (2, "only functions are called"),
    "True": (1, "True is no point"),
    "['a']": (2, "the text 'a' is no point"),
    "'a": (1, "same quote"),
    "1e999": (1, "too large for float64"),
    "1" * 65: (1, "a number of 65 characters"),
    "1e308 * 10": (7, "too large"),
    "1 / 0": (3, "division by 0"),
    "[1] + 2": (5, "write a single point as [5]"),
    "[1] - [2]": (5, "means nothing"),
    "[1] * [2]": (5, "means nothing"),
    "[1] * 1.5": (5, "whole number of times"),
    "[1] * 0": (5, "whole number of times"),
    "[1] * nan": (5, "whole number of times"),
    "-[1]": (1, "signs to numbers"),
    "1 + True": (3, "means nothing"),
    "linear()": (1, "start is missing"),
    "linear(0)": (1, "end is missing; it is linear(start: float, end: float"),
    "linear(0, 1, 1, 1)": (17, "too many arguments"),
    "linear(0, 1, stepp=1)": (14, "has no argument 'stepp'; did you mean step?"),
    "linear(0, 1, zzz=1)": (14, "it is linear("),
    "linear(0, 1, start=1)": (14, "start is given twice"),
    "linear(0, end=1, end=2)": (18, "given twice"),
    "linear(start=0, 1)": (17, "name it too"),
    "linear(0, 'a')": (11, "end of linear is the text 'a'; it must be a finite number"),
    "linear(0, [1])": (11, "a series of 1 points; it must be a finite number"),
    "linear(0, True)": (11, "True"),
    "power(1, 2, 3, reverse=1)": (16, "it must be True or False"),
    "power(1, 2, 3, reverse=true)": (24, "write True"),
    "repeat([1], 10001)": (1, "10001 points and the limit is 10000"),
    "1\N{MINUS SIGN}2": (2, "plain minus sign"),
    "\N{ARABIC-INDIC DIGIT THREE}": (1, "ASCII"),
    "[\N{LATIN SMALL LETTER SHARP S}]": (2, ""),
    "[1\0]": (3, "control character '\\x00'"),
    "(" * 33: (33, "nest deeper than 32"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusal_names_column_and_mend(text) -> None:
    with pytest.raises(GrammarError) as refused:
        parse(text)
    column, words = REFUSED[text]
    assert refused.value.column == column, refused.value
    assert words in str(refused.value)
    assert refused.value.mend
    assert str(refused.value).isascii()
    if column:
        assert str(refused.value).startswith(f"column {column}: ")


def test_refusal_is_an_error_of_sswd() -> None:
    assert issubclass(GrammarError, SswdError)


def test_limit_is_the_callers() -> None:
    assert len(parse("linear(0, 5)", limit=5)) == 5
    assert len(parse("linear(0, 50000)", limit=50_000)) == 50_000
    for text in ("linear(0, 6)", "[1,2,3,4,5,6]", "[1,2,3]+[4,5,6]", "[1,2,3]*2"):
        with pytest.raises(GrammarError, match="6 points and the limit is 5"):
            parse(text, limit=5)


def test_ten_thousand_literal_points_need_no_steps() -> None:
    text = "[" + ",".join("7" for _ in range(4999)) + "]"
    assert len(parse(text)) == 4999


def test_too_long_a_text_is_refused_unread() -> None:
    with pytest.raises(GrammarError, match="10001 characters and the limit is 10000"):
        parse("1" * 10_001)


def test_results_do_not_share_memory() -> None:
    first, second = parse("reverse([1, 2])"), parse("reverse([1, 2])")
    first[0] = 9
    assert second[0] == 2


FORBIDDEN = {
    "asyncio", "threading", "time", "logging", "multiprocess", "multiprocessing",
    "caproto", "socket", "os", "subprocess", "ast", "pickle",
}  # fmt: skip


def test_package_is_pure_and_evaluates_nothing() -> None:
    folder = Path(sswd.sequence.__file__).parent
    files = list(folder.glob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Name):
                assert node.id not in {"eval", "exec", "open", "compile"}, file
            assert not {name.partition(".")[0] for name in names} & FORBIDDEN, file
