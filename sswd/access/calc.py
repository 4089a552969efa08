"""The expressions of CALC in an access security file. Pure; nothing is evaluated but
numbers.

As EPICS base's postfix.c and calcPerform.c, without what changes something (:=, ;) and
without RNDM. A to L are inputs, VAL is not known.
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

INPUTS = 12
LONGEST = 255
DEPTH = 30
"""Parentheses within each other."""

Values: TypeAlias = Sequence[float]
Evaluate: TypeAlias = Callable[[Values], float]


class CalcError(ValueError):
    """It is no expression, or not one that is to be had here."""


@dataclass(frozen=True)
class Calc:
    """One expression."""

    text: str
    inputs: frozenset[int]
    """Numbers of the letters that it uses, 0 for A."""
    evaluate: Evaluate = field(compare=False)
    """As `text` says, so that one text is one rule."""


def _int32(value: float) -> int:
    """The 32 bits of a number, as base's d2i; 0 for what has none."""
    if not math.isfinite(value):
        return 0
    bits = int(value) & 0xFFFFFFFF
    return bits - (1 << 32) if bits & 0x80000000 else bits


def _quotient(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if not a or math.isnan(a) else math.copysign(math.inf, a)


def _remainder(a: float, b: float) -> float:
    divisor = _int32(b)
    return float(math.fmod(_int32(a), divisor)) if divisor else math.nan


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except (ValueError, OverflowError):
        return math.nan


def _of_bits(bits: Callable[[int, int], int]) -> Callable[[float, float], float]:
    return lambda a, b: float(_int32(bits(_int32(a), _int32(b))))


def _of_truth(relation: Callable[[float, float], bool]) -> Callable[..., float]:
    return lambda a, b: float(relation(a, b))


_LOGICAL_RIGHT = _of_bits(lambda a, b: (a & 0xFFFFFFFF) >> (b & 31))
_BINARY: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "||": (1, lambda a, b: float(bool(a) or bool(b))),
    "|": (1, _of_bits(operator.or_)),
    "OR": (1, _of_bits(operator.or_)),
    "XOR": (1, _of_bits(operator.xor)),
    "&&": (2, lambda a, b: float(bool(a) and bool(b))),
    "&": (2, _of_bits(operator.and_)),
    "AND": (2, _of_bits(operator.and_)),
    "<<": (2, _of_bits(lambda a, b: a << (b & 31))),
    ">>": (2, _of_bits(lambda a, b: a >> (b & 31))),
    ">>>": (2, _LOGICAL_RIGHT),
    "!=": (3, _of_truth(operator.ne)),
    "#": (3, _of_truth(operator.ne)),
    "<": (3, _of_truth(operator.lt)),
    "<=": (3, _of_truth(operator.le)),
    "=": (3, _of_truth(operator.eq)),
    "==": (3, _of_truth(operator.eq)),
    ">": (3, _of_truth(operator.gt)),
    ">=": (3, _of_truth(operator.ge)),
    "+": (4, operator.add),
    "-": (4, operator.sub),
    "*": (5, operator.mul),
    "/": (5, _quotient),
    "%": (5, _remainder),
    "**": (6, _power),
    "^": (6, _power),
}
"""All associate to the left, as in base."""
_UNARY: dict[str, Callable[[float], float]] = {
    "-": operator.neg,
    "!": lambda a: float(not a),
    "~": lambda a: float(~_int32(a)),
    "NOT": lambda a: float(~_int32(a)),
    "ABS": abs,
    "CEIL": lambda a: float(math.ceil(a)) if math.isfinite(a) else a,
    "FLOOR": lambda a: float(math.floor(a)) if math.isfinite(a) else a,
    "NINT": lambda a: math.trunc(a + math.copysign(0.5, a)) if math.isfinite(a) else 0,
    "SQRT": lambda a: math.sqrt(a) if a >= 0 else math.nan,
    "SQR": lambda a: math.sqrt(a) if a >= 0 else math.nan,
}
_MANY: dict[str, Callable[[Sequence[float]], float]] = {
    "MIN": lambda all_: math.nan if any(map(math.isnan, all_)) else min(all_),
    "MAX": lambda all_: math.nan if any(map(math.isnan, all_)) else max(all_),
    "FINITE": lambda all_: float(all(map(math.isfinite, all_))),
    "ISNAN": lambda all_: float(any(map(math.isnan, all_))),
}
_CONSTANTS = {"PI": math.pi, "D2R": math.pi / 180, "R2D": 180 / math.pi}
_TOKEN = re.compile(
    r"\s*(0X[0-9A-F]+|(?:\d+\.?\d*|\.\d+)(?:E[-+]?\d+)?|[A-Z][A-Z0-9]*"
    r"|>>>|<<|>>|<=|>=|==|!=|&&|\|\||\*\*|[-+*/%^()<>=#&|!~?:,])"
)


def compiled(text: str) -> Calc:
    """The expression that `text` is. Raises CalcError in words."""
    if len(text) > LONGEST:
        raise CalcError(f"is longer than {LONGEST} characters")
    return _Compiler(text).whole()


class _Compiler:
    """Climbs the precedences."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text.upper())
        self._at = 0
        self._depth = 0
        self._inputs: set[int] = set()

    def whole(self) -> Calc:
        evaluate = self._conditional()
        if self._next:
            raise CalcError(f"{self._next!r} cannot stand there")
        return Calc(self._text, frozenset(self._inputs), evaluate)

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _take(self) -> str:
        word = self._next
        self._at += 1
        return word

    def _expect(self, word: str) -> None:
        if self._next != word:
            found = repr(self._next) if self._next else "the end"
            raise CalcError(f"expected {word!r}, not {found}")
        self._at += 1

    def _conditional(self) -> Evaluate:
        self._depth += 1
        if self._depth > DEPTH:
            raise CalcError(f"is more than {DEPTH} deep")
        test = self._binary(1)
        if self._next == "?":
            self._take()
            yes = self._conditional()
            self._expect(":")
            no = self._conditional()
            self._depth -= 1
            return lambda values: yes(values) if test(values) else no(values)
        self._depth -= 1
        return test

    def _binary(self, least: int) -> Evaluate:
        left = self._operand()
        while (found := _BINARY.get(self._next)) and found[0] >= least:
            self._take()
            left = _joined(found[1], left, self._binary(found[0] + 1))
        return left

    def _operand(self) -> Evaluate:
        signs: list[Callable[[float], float]] = []
        while self._next in _UNARY:
            signs.append(_UNARY[self._take()])
        operand = self._primary()
        for sign in reversed(signs):
            operand = _applied(sign, operand)
        return operand

    def _primary(self) -> Evaluate:
        word = self._take()
        if word == "(":
            inner = self._conditional()
            self._expect(")")
            return inner
        if len(word) == 1 and "A" <= word <= "L":
            number = ord(word) - ord("A")
            self._inputs.add(number)
            return lambda values: values[number]
        if word in _MANY:
            return self._call(_MANY[word])
        if word in _CONSTANTS:
            return _constant(_CONSTANTS[word])
        if word[:2] == "0X":
            return _constant(float(int(word, 16)))
        if word[:1].isdigit() or word[:1] == ".":
            return _constant(float(word))
        raise CalcError(_unknown(word))

    def _call(self, of: Callable[[Sequence[float]], float]) -> Evaluate:
        self._expect("(")
        parts = [self._conditional()]
        while self._next == ",":
            self._take()
            parts.append(self._conditional())
        self._expect(")")
        return lambda values: of([part(values) for part in parts])


def _joined(
    of: Callable[[float, float], float], left: Evaluate, right: Evaluate
) -> Evaluate:
    return lambda values: of(left(values), right(values))


def _applied(of: Callable[[float], float], operand: Evaluate) -> Evaluate:
    return lambda values: of(operand(values))


def _constant(value: float) -> Evaluate:
    return lambda _values: value


def _unknown(word: str) -> str:
    if not word:
        return "ends too early"
    if word[:1].isalpha():
        known = ", ".join([*_MANY, *(name for name in _UNARY if name.isalpha())])
        return f"{word} is not known here; inputs are A to L, functions {known}"
    return f"{word!r} cannot stand there"


def _tokens(text: str) -> list[str]:
    """All tokens, and an empty one at the end."""
    found = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise CalcError(f"{text[at:].strip()[:10]!r} cannot be read")
        found.append(match[1])
        at = match.end()
    return [*found, ""]
