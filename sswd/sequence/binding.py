"""Arguments of a call -> values by parameter name, or a refusal in words."""

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from sswd.sequence.errors import GrammarError
from sswd.sequence.points import Points, Series
from sswd.sequence.tokens import shown
from sswd.sequence.verbs import Parameter, VerbSignature

Value: TypeAlias = float | bool | str | Points | None
"""What the grammar computes; ``Points`` is the only compound one,
and ``float`` stands for integers too."""

Bound: TypeAlias = float | bool | str | list[float] | Series | None
"""What a function or verb receives."""

_EXACT_INT = 2**53
"""Beyond this a float64 no longer tells neighbouring integers apart."""

_KIND_WORDS = {
    "float": "a finite number",
    "int": "a whole number",
    "bool": "True or False",
    "str": "a 'text'",
    "none": "None",
    "list": "a series",
    "array": "a series",
    "point": "a number",
}


class Argument(NamedTuple):
    """A value and where in the command it began (index of its first word)."""

    value: Value
    word: int


class Refused(Exception):
    """A ``GrammarError`` at a word whose column is not looked up yet."""

    def __init__(self, error: GrammarError, word: int) -> None:
        super().__init__(error, word)
        self.error = error
        self.word = word


def bind(
    signature: VerbSignature,
    positional: list[Argument],
    keywords: Mapping[str, Argument],
    word: int,
) -> dict[str, Bound]:
    """Return the arguments by parameter name, checked and converted.

    Raises ``Refused`` at the argument to blame, or at ``word`` for a missing one.
    """
    by_name = {p.name: p for p in signature.parameters}
    places = [p for p in signature.parameters if not p.keyword_only]
    if len(positional) > len(places):
        extra = positional[len(places)]
        raise _refused(signature, "too many arguments", extra.word)
    given = {p.name: a for p, a in zip(places, positional, strict=False)}
    for name, argument in keywords.items():
        if name not in by_name:
            mend = suggestion(name, by_name) or f"it is {signature}"
            reason = f"{signature.name} has no argument {shown(name)}"
            raise Refused(GrammarError(reason, mend), argument.word)
        if name in given:
            raise _refused(signature, f"{name} is given twice", argument.word)
        given[name] = argument
    for parameter in signature.parameters:
        if parameter.required and parameter.name not in given:
            raise _refused(signature, f"{parameter.name} is missing", word)
    return {name: _accepted(signature, by_name[name], a) for name, a in given.items()}


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" for a misspelt name, or nothing."""
    close = difflib.get_close_matches(name[:24].lower(), known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""


def _refused(signature: VerbSignature, fault: str, word: int) -> Refused:
    return Refused(
        GrammarError(f"{signature.name}: {fault}", f"it is {signature}"), word
    )


def _accepted(signature: VerbSignature, wanted: Parameter, given: Argument) -> Bound:
    """Return the value as the first type of the parameter that takes it."""
    for kind in wanted.types:
        taken, value = _convert(kind, given.value, wanted.choices)
        if taken:
            return value
    kinds = [_KIND_WORDS.get(kind, "") for kind in wanted.types]
    kinds += [ascii(choice) for choice in wanted.choices]
    raise Refused(
        GrammarError(
            f"{wanted.name} of {signature.name} is {described(given.value)}",
            "it must be " + " or ".join(dict.fromkeys(k for k in kinds if k)),
        ),
        given.word,
    )


def described(value: Value) -> str:
    """Return what a value is, for an error text."""
    if isinstance(value, Points):
        return f"a series of {value.count} points"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, bool) or value is None:
        return str(value)
    return f"the number {value!r}"


def _convert(
    kind: str, value: Value, choices: tuple[str | int, ...]
) -> tuple[bool, Bound]:
    """Return whether ``kind`` takes ``value``, and the value as that kind."""
    if isinstance(value, Points):
        if kind in {"list", "any"}:
            return True, value.array().tolist()
        return kind == "array", value.array() if kind == "array" else None
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return _convert_word(kind, value, choices)
    return _convert_number(kind, value, choices)


def _convert_word(
    kind: str, value: bool | str | None, choices: tuple[str | int, ...]
) -> tuple[bool, Bound]:
    if kind == "choice":
        fits = any(value == c and type(value) is type(c) for c in choices)
        return fits, value
    names = {bool: "bool", str: "str", type(None): "none"}
    return kind in (names[type(value)], "any"), value


def _convert_number(
    kind: str, value: float, choices: tuple[str | int, ...]
) -> tuple[bool, Bound]:
    match kind:
        case "point":
            return True, float(value)
        case "any":
            return True, value
        case "float":
            return math.isfinite(value), float(value)
        case "int":
            whole = math.isfinite(value) and value == int(value)
            fits = whole and abs(value) <= _EXACT_INT
            return fits, int(value) if fits else 0
        case "choice":
            fits = any(value == c and not isinstance(c, bool | str) for c in choices)
            return fits, int(value) if fits else 0
        case "array":
            return True, Points([float(value)]).array()
        case "list":
            return True, [float(value)]
        case _:
            return False, None
