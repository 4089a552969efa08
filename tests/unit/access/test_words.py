"""What is wrong with a file is told with its line and the mend."""

import math

import pytest

from sswd.access import Rules, Who, read_acf
from sswd.access.calc import CalcError, compiled
from sswd.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the file has no rule"),
        (
            "ASG(DEFAULT) {\n RULE(1,WRIT)\n}",
            "line 2: 'WRIT' is none of NONE, READ, WRITE",
        ),
        ("ASG(A) {\n\n RULE(1,WRITE) { UAG(x) } }", "line 3: there is no UAG.x. above"),
        ("UAG(x) { a b }", "line 1: expected '}', not 'b'"),
        ("HAG(x) { $(HOST) }", "no value; give it one in .access.macros."),
        ('HAG(x) { "$(HOST)" }', "no value; give it one in .access.macros."),
        (
            "UAG(x) { a/b }",
            "'/' cannot stand here; put names with it into double quotes",
        ),
        ("ASG(A) { RULE(1,WRITE) { METHOD(x) } }", "METHOD is not to be had"),
        ("AUTHORITY(x)", "AUTHORITY is not to be had"),
        ('ASG(A) { INPA(X) RULE(1,WRITE) { CALC("A=B(") } }', "line 1: CALC"),
        ("ASG(A) { INPM(X) }", "INPA to INPL"),
        ("ASG(A) {", "the end of the file"),
    ],
)
def test_mistakes(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_acf(text)


def test_macros_that_go_round() -> None:
    with pytest.raises(ConfigError, match="go round"):
        read_acf("UAG(x) { $(A) }", {"A": "$(B)", "B": "$(A)"})


def test_hostile_expressions_are_refused_quickly() -> None:
    for text in ("(" * 200 + "A", "A" * 10_000, "__import__('os')", "A.B", "A?B"):
        with pytest.raises(CalcError):
            compiled(text)


@pytest.mark.parametrize("text", ["1/A", "A**9**9**9", "SQRT(-1-A)", "1%A", "A>>99"])
def test_no_number_raises(text: str) -> None:
    value = compiled(text).evaluate([0.0] * 12)
    assert isinstance(value, float)
    assert math.isfinite(value) or math.isnan(value) or math.isinf(value)


def test_hosts_by_name_where_the_configuration_says_so() -> None:
    acf = read_acf("HAG(x) { Console } ASG(DEFAULT) { RULE(1,READ) { HAG(x) } }")
    by_name, by_address = Rules(acf), Rules(acf, {"console": frozenset({"10.0.0.5"})})
    assert by_name.granted("DEFAULT", 0, Who("a", "CONSOLE")).rights
    assert not by_address.granted("DEFAULT", 0, Who("a", "console")).rights
    assert by_address.granted("DEFAULT", 0, Who("a", "10.0.0.5")).rights
