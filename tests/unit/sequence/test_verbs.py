"""Methods become verbs: signatures as plain data, calls checked against them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Optional

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from sswd.sequence import (
    Call,
    GrammarError,
    Parameter,
    VerbError,
    VerbSignature,
    parse,
    signature_of,
    verb,
    verbs_of,
)
from sswd.sequence.verbs import from_plain, to_plain


class Pump:
    @verb(duration_s=2.5)
    def flow(
        self,
        position: float,
        speed: float = 0.1,
        *,
        mode: Literal["slow", "fast", 3] = "slow",
    ) -> None:
        """Move the plunger.

        More than that is not part of the summary.
        """

    @verb
    def stop(self): ...

    @verb(name="set")
    def configure(self, count: int, on: bool, label: str | None = None): ...

    @verb
    def follow(self, path: list[float], weights: NDArray[np.float64] = None): ...

    @verb
    def anything(self, value, other: Any = 1): ...

    def not_a_verb(self, x): ...


VERBS = {name: found.signature for name, found in verbs_of(Pump).items()}


def call(text: str) -> Call:
    result = parse(text, VERBS.values())
    assert isinstance(result, Call)
    return result


def test_marked_methods_are_the_verbs() -> None:
    assert set(VERBS) == {"flow", "stop", "set", "follow", "anything"}
    assert verbs_of(Pump)["set"].method == "configure"
    assert VERBS["flow"].summary == "Move the plunger."
    assert VERBS["flow"].duration_s == 2.5


def test_signature_reads_as_python() -> None:
    assert str(VERBS["flow"]) == (
        "flow(position: float, speed: float = 0.1, *, "
        "mode: 'slow' | 'fast' | 3 = 'slow')"
    )
    assert str(VERBS["stop"]) == "stop()"
    assert str(VERBS["anything"]) == "anything(value, other=1)"


def test_signatures_travel_as_plain_data() -> None:
    wire = msgspec.msgpack.encode(to_plain(VERBS.values()))
    assert from_plain(msgspec.msgpack.decode(wire)) == tuple(VERBS.values())
    with pytest.raises(VerbError, match="no signatures"):
        from_plain([{"name": 5}])


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("flow(25)", {"position": 25.0}),
        ("flow(position=25, speed=0.1)", {"position": 25.0, "speed": 0.1}),
        (" flow ( -1 + 2 * 3 , 1 ) ", {"position": 5.0, "speed": 1.0}),
        ("flow(1, mode='fast')", {"position": 1.0, "mode": "fast"}),
        ("flow(1, mode=3.0)", {"position": 1.0, "mode": 3}),
        ("stop()", {}),
        ("set(3, True)", {"count": 3, "on": True}),
        ("set(6/2, False, 'a b')", {"count": 3, "on": False, "label": "a b"}),
        ("set(1, True, None)", {"count": 1, "on": True, "label": None}),
        ('set(1, True, "\N{MICRO SIGN}m")', {"count": 1, "on": True, "label": "µm"}),
        ("follow(linear(0, 3))", {"path": [0.0, 1.0, 2.0]}),
        ("follow(5)", {"path": [5.0]}),
        ("anything([1] + [2])", {"value": [1.0, 2.0]}),
        ("anything('x', other=None)", {"value": "x", "other": None}),
    ],
)
def test_call_binds_and_converts(text, arguments) -> None:
    found = call(text)
    assert found.arguments == arguments
    for name, value in arguments.items():
        assert type(found.arguments[name]) is type(value)


def test_array_parameter_gets_a_float64_array() -> None:
    weights = call("follow([1], weights=[2, 3])").arguments["weights"]
    np.testing.assert_array_equal(weights, np.array([2.0, 3.0]))
    assert weights.dtype == np.float64


def test_call_reads_as_a_command() -> None:
    assert str(call("flow(25, mode='fast')")) == "flow(position=25.0, mode='fast')"
    assert str(call("follow(linear(0, 50))")) == "follow(path=<50 points>)"


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("flow()", 1, "position is missing; it is flow(position: float"),
        ("flow('a')", 6, "position of flow is the text 'a'; it must be a finite"),
        ("flow(1, speed=None)", 9, "speed of flow is None"),
        ("flow(nan)", 6, "it must be a finite number"),
        ("flow([1])", 6, "a series of 1 points"),
        ("flow(True)", 6, "True"),
        ("flow(1, 2, 'slow')", 12, "too many arguments"),
        ("flow(1, mode='medium')", 9, "it must be 'slow' or 'fast' or 3"),
        ("flow(1, mode=True)", 9, "it must be 'slow'"),
        ("flow(1, spede=2)", 9, "did you mean speed?"),
        ("set(1.5, True)", 5, "it must be a whole number"),
        ("set(1e300, True)", 5, "it must be a whole number"),
        ("set(1, 1)", 8, "it must be True or False"),
        ("set(1, True, 5)", 14, "it must be a 'text' or None"),
        ("follow('a')", 8, "it must be a series"),
        ("flow", 1, "is a verb of the system; write flow(position: float"),
        ("[flow(1)]", 2, "a verb stands alone"),
        ("flow(1) + [0]", 9, "stands alone"),
        ("flow(1), [0]", 8, "stands alone"),
        ("flow(1).x", 8, "stands alone"),
        ("flow(1", 5, "never closed"),
        ("not_a_verb(1)", 1, "unknown function"),
        ("configure(1, True)", 1, "unknown function"),
        ("Flow(1)", 1, "did you mean flow?"),
    ],
)
def test_call_is_refused_in_words(text, column, words) -> None:
    with pytest.raises(GrammarError) as refused:
        call(text)
    assert refused.value.column == column
    assert words in str(refused.value)


def test_series_still_parse_beside_verbs() -> None:
    assert len(parse("linear(0, 3)", VERBS.values())) == 3


@pytest.mark.parametrize(
    ("hint", "types"),
    [
        (float, ("float",)),
        (int, ("int",)),
        (bool, ("bool",)),
        (str, ("str",)),
        (None, ("none",)),
        (Optional[float], ("float", "none")),  # noqa: UP045
        (float | str | None, ("float", "str", "none")),
        (list, ("list",)),
        (list[float], ("list",)),
        (Sequence[float], ("list",)),
        (tuple[float, ...], ("list",)),
        (np.ndarray, ("array",)),
        (NDArray[np.float64], ("array",)),
        (Annotated[float, "mm"], ("float",)),
        ("float", ("float",)),
        (Any, ("any",)),
        (object, ("any",)),
    ],
)
def test_hints_become_type_names(hint, types) -> None:
    def method(self, x): ...

    method.__annotations__ = {"x": hint}
    assert signature_of(method).parameters[0].types == types


@pytest.mark.parametrize(
    "hint", [complex, dict, list[str], set[int], Literal[b"x"], float | bytes, 5]
)
def test_other_hints_are_refused(hint) -> None:
    def method(self, x): ...

    method.__annotations__ = {"x": hint}
    with pytest.raises(VerbError, match=r"'method'.*'x'|cannot be resolved"):
        signature_of(method)


def test_hints_that_do_not_resolve_are_refused() -> None:
    def method(self, x: "NoSuchName"): ...  # noqa: F821

    with pytest.raises(VerbError, match="cannot be resolved"):
        signature_of(method)


@pytest.mark.parametrize(
    "function",
    [lambda *a: 0, lambda **k: 0, lambda a, /: 0],
    ids=["star", "stars", "positional"],
)
def test_parameters_without_a_name_of_their_own_are_refused(function) -> None:
    with pytest.raises(VerbError, match="name of its own"):
        signature_of(function, name="x")


def test_bound_methods_have_no_self() -> None:
    assert signature_of(Pump().flow) == signature_of(Pump.flow)


@pytest.mark.parametrize("name", ["linear", "pi", "None", "two words", "a.b", "µ"])
def test_names_of_the_language_are_taken(name) -> None:
    class Taken:
        @verb(name=name)
        def method(self): ...

    with pytest.raises(VerbError, match="cannot name a verb"):
        verbs_of(Taken)


def test_two_methods_for_one_verb_are_refused() -> None:
    class Twice:
        @verb(name="go")
        def first(self): ...

        @verb(name="go")
        def second(self): ...

    with pytest.raises(VerbError, match="first and second"):
        verbs_of(Twice)


def test_subclasses_inherit_and_override_verbs() -> None:
    class Better(Pump):
        def flow(self, position: float, depth: float): ...

        stop = None

    verbs = verbs_of(Better)
    assert str(verbs["flow"].signature) == "flow(position: float, depth: float)"
    assert "stop" not in verbs
    assert "set" in verbs


def test_signatures_of_another_version_do_not_convert_to_nonsense() -> None:
    """An unknown type takes nothing, rather than anything."""
    odd = VerbSignature("odd", (Parameter("x", ("tensor",)),))
    with pytest.raises(GrammarError, match="x of odd is the number 1"):
        parse("odd(1)", [odd])


def test_looking_for_verbs_touches_nothing_else() -> None:
    """Classes of old drivers may have descriptors that do things."""

    class Trap:
        def __get__(self, instance, owner):
            raise RuntimeError("touched")

    class Old:
        trap = Trap()

        @verb
        def go(self): ...

    assert set(verbs_of(Old)) == {"go"}
