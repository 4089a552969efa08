"""Words of a command -> points, or a verb to call.

The recursion is as deep as the brackets, at most ``MAX_DEPTH``; every value has one
owner, so that joining is linear; work other than reading numbers is counted.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from sswd.sequence.arithmetic import combine, is_number
from sswd.sequence.binding import Argument, Bound, Refused, Value, bind, described
from sswd.sequence.errors import GrammarError
from sswd.sequence.functions import CONSTANTS, FUNCTIONS, LITERALS
from sswd.sequence.hints import misplaced, unknown
from sswd.sequence.points import Points, Room
from sswd.sequence.tokens import END, shown
from sswd.sequence.verbs import VerbSignature

MAX_DEPTH = 32
"""Brackets within brackets."""

MAX_STEPS = 1_000
"""Operators, brackets, arguments and (ten each) calls in one command; the numbers of a
list are free."""

_CALL_STEPS = 10
_MAX_NUMBER = 64
_EXACT_DIGITS = 18
_NUMBER_STARTS = frozenset("0123456789.")
_SIGNS = frozenset("+-")
_OPENING = frozenset("[(")


class VerbCall(NamedTuple):
    """A verb that stands alone in a command, its arguments checked, by name."""

    verb: str
    arguments: dict[str, Bound]


class Parser:
    """One command on its way from words to values."""

    def __init__(
        self, found: list[str], room: Room, verbs: Mapping[str, VerbSignature]
    ) -> None:
        self.words = found
        self.at = 0
        self.room = room
        self.verbs = verbs
        self.depth = 0
        self.steps = 0

    def command(self) -> Points | VerbCall:
        """Read everything."""
        if self.words[0] == END:
            raise GrammarError(
                "the command is empty",
                "write a list such as [0, 1.5, 3] or a function such as "
                "linear(0, 10, 1)",
            )
        verb = self.verbs.get(self.words[0])
        if verb is None or self.words[1] != "(":
            return self.values(0, END)
        self.at = 2
        positional, keywords = self.arguments(1)
        if self.words[self.at] != END:
            raise self.refusal(
                f"{shown(self.words[self.at])} after {verb.name}(...)",
                "a verb stands alone in a command",
            )
        return VerbCall(verb.name, bind(verb, positional, keywords, 0))

    def values(self, opened: int, close: str) -> Points:
        """Read values up to ``close`` and past it; return their points joined."""
        points = Points(self.plain_numbers(close))
        while self.words[self.at] != close:
            start = self.at
            points.extend(self.series(self.value(), start))
            if self.words[self.at] == ",":
                self.at += 1
                if numbers := self.plain_numbers(close):
                    points.extend(Points(numbers))
            elif self.words[self.at] != close:
                raise self.unexpected(opened, close)
        self.at += 1
        self.check(points.count, opened)
        return points

    def plain_numbers(self, close: str) -> list[float]:
        """Read numbers up to ``close``: the common case, in a tight loop.

        Stops before anything else, which ``value`` then reads or refuses.
        """
        words, at = self.words, self.at
        numbers: list[float] = []
        while True:
            negative = words[at] == "-"
            word = words[at + negative]
            if word == END or (after := words[at + negative + 1]) not in (",", close):
                break
            if word in CONSTANTS:
                number = CONSTANTS[word]
            elif word[0] in _NUMBER_STARTS and word != "." and len(word) <= _MAX_NUMBER:
                number = float(word)
            else:
                break
            if number == math.inf:
                break
            numbers.append(-number if negative else number)
            at += 1 + negative
            if after == close:
                break
            at += 1
        self.at = at
        return numbers

    def value(self) -> Value:
        """Read sums and joins."""
        left = self.product()
        while (operator := self.words[self.at]) == "+" or operator == "-":
            place = self.step_over()
            left = self.combined(operator, left, self.product(), place)
        return left

    def product(self) -> Value:
        """Read products and repetitions."""
        left = self.signed()
        while (operator := self.words[self.at]) == "*" or operator == "/":
            place = self.step_over()
            left = self.combined(operator, left, self.signed(), place)
        return left

    def signed(self) -> Value:
        """Read signs, any number of them, and what they belong to."""
        word = self.words[self.at]
        if word not in _SIGNS:
            return self.single(word)
        start = self.at
        self.spend(1)
        negative = False
        while word in _SIGNS:
            negative ^= word == "-"
            self.at += 1
            word = self.words[self.at]
        value = self.single(word)
        if not is_number(value):
            raise self.refusal(
                f"a sign before {described(value)}", "give signs to numbers", start
            )
        return -value if negative else value

    def single(self, word: str) -> Value:
        """Read a number, name, text, list, group or call."""
        first = word[:1]
        if first in _NUMBER_STARTS:
            return self.number(word)
        if word in _OPENING:
            return self.bracketed(word)
        if first.isalpha() or first == "_":
            return self.named(word)
        if len(word) > 1 and first in ("'", '"'):
            self.at += 1
            return word[1:-1]
        raise self.unexpected()

    def number(self, word: str) -> float:
        """Read a number; an integer stays one, exact, for verbs that want integers."""
        if len(word) > _MAX_NUMBER:
            raise self.refusal(
                f"a number of {len(word)} characters",
                f"{_MAX_NUMBER} are allowed, and float64 holds 17 digits",
            )
        if word == ".":
            raise self.unexpected()
        self.at += 1
        if len(word) <= _EXACT_DIGITS and word.isdigit():
            return int(word)
        number = float(word)
        if math.isinf(number):
            raise self.refusal(
                f"{shown(word)} is too large for float64",
                "use 1e308 at most",
                self.at - 1,
            )
        return number

    def bracketed(self, bracket: str) -> Value:
        """Read a list, or a value in parentheses."""
        opened = self.at
        self.enter()
        value: Value
        if bracket == "[":
            value = self.values(opened, "]")
        else:
            value = self.value()
            if self.words[self.at] != ")":
                raise self.unexpected(opened, ")")
            self.at += 1
        self.depth -= 1
        return value

    def named(self, name: str) -> Value:
        """Read a constant or the call of a function."""
        place = self.at
        if self.words[place + 1] != "(":
            return self.constant(name)
        function = FUNCTIONS.get(name)
        if function is None:
            raise self.unknown(name)
        self.spend(_CALL_STEPS)
        self.at += 1
        self.enter()
        positional, keywords = self.arguments(place + 1)
        self.depth -= 1
        bound = bind(function.signature, positional, keywords, place)
        try:
            points = Points(function.call(self.room, bound))
        except GrammarError as error:
            raise Refused(error, place) from None
        self.check(points.count, place)
        return points

    def constant(self, name: str) -> Value:
        """Read a name that is a value."""
        if name in CONSTANTS:
            self.at += 1
            return CONSTANTS[name]
        if name in LITERALS:
            self.at += 1
            return LITERALS[name]
        raise self.unknown(name)

    def spend(self, steps: int) -> None:
        """Count work, so that no text takes long."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise self.refusal(
                f"more than {MAX_STEPS} operators, brackets, arguments, calls",
                "write numbers out, or load the trajectory in parts",
            )

    def step_over(self) -> int:
        """Go past an operator; return its place."""
        self.spend(1)
        self.at += 1
        return self.at - 1

    def enter(self) -> None:
        """Go past a bracket, one level deeper."""
        self.spend(1)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refusal(
                f"brackets nest deeper than {MAX_DEPTH}", "flatten the lists"
            )
        self.at += 1

    def arguments(self, opened: int) -> tuple[list[Argument], dict[str, Argument]]:
        """Read arguments up to ``)`` and past it."""
        positional: list[Argument] = []
        keywords: dict[str, Argument] = {}
        while (word := self.words[self.at]) != ")":
            self.spend(1)
            start = self.at
            if word != END and self.words[start + 1] == "=":
                self.keyword(word, keywords)
            else:
                if keywords:
                    raise self.refusal(
                        "an argument without a name after one with a name",
                        "name it too",
                    )
                positional.append(Argument(self.value(), start))
            if self.words[self.at] == ",":
                self.at += 1
            elif self.words[self.at] != ")":
                raise self.unexpected(opened, ")")
        self.at += 1
        return positional, keywords

    def keyword(self, name: str, keywords: dict[str, Argument]) -> None:
        """Read ``name=value``."""
        start = self.at
        if not name.isidentifier():
            raise self.refusal(
                f"{shown(name)} before '='", "write name=value, name a plain word"
            )
        if name in keywords:
            raise self.refusal(f"{shown(name)} is given twice", "give it once")
        self.at += 2
        keywords[name] = Argument(self.value(), start)

    def combined(self, operator: str, left: Value, right: Value, place: int) -> Value:
        """Return the result of an operator at ``place``."""
        try:
            return combine(self.room, operator, left, right)
        except GrammarError as error:
            raise Refused(error, place) from None

    def series(self, value: Value, start: int) -> Points:
        """Return a value as points."""
        if isinstance(value, Points):
            return value
        if is_number(value):
            return Points([float(value)])
        raise self.refusal(
            f"{described(value)} is no point of a series", "use numbers", start
        )

    def check(self, count: int, place: int) -> None:
        """Refuse more points than there is room for."""
        try:
            self.room.check(count)
        except GrammarError as error:
            raise Refused(error, place) from None

    def refusal(self, reason: str, mend: str, place: int | None = None) -> Refused:
        """Return a refusal at a word, the present one unless told."""
        return Refused(GrammarError(reason, mend), self.at if place is None else place)

    def unexpected(self, opened: int | None = None, close: str = END) -> Refused:
        """Return the refusal of the present word, which fits nothing here."""
        word = self.words[self.at]
        if word == END and opened is not None and close != END:
            bracket = self.words[opened]
            return self.refusal(
                f"{bracket!r} is never closed", f"add {close!r}", opened
            )
        return Refused(misplaced(word, after_value=opened is not None), self.at)

    def unknown(self, name: str) -> Refused:
        """Return the refusal of a name, with a guess at what was meant."""
        called = self.words[self.at + 1] == "("
        return Refused(unknown(name, self.verbs, called=called), self.at)
