"""The command language: text -> trajectory or call of a verb, and nothing else.

    command  = verb "(" arguments ")" | values
    values   = value {"," value} [","]
    value    = product {("+" | "-") product}
    product  = signed {("*" | "/") signed}
    signed   = {"-" | "+"} (number | constant | 'text' | "[" values "]"
               | "(" value ")" | function "(" arguments ")")

Lists nest and flatten; ``series + series`` joins, ``series * n`` repeats. There is no
power operator, no attribute, no index, no assignment, and no name but those listed.
Text, depth, work and points are bounded before anything is allocated.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sswd.sequence.binding import Bound, Refused
from sswd.sequence.parser import Parser, VerbCall
from sswd.sequence.points import DEFAULT_LIMIT, Room, Series
from sswd.sequence.tokens import column, words
from sswd.sequence.verbs import VerbSignature


@dataclass(frozen=True, slots=True)
class Call:
    """A verb to be called, its arguments checked and converted, by name."""

    signature: VerbSignature
    arguments: dict[str, Bound]

    @property
    def verb(self) -> str:
        """The name of the verb."""
        return self.signature.name

    def __str__(self) -> str:
        """Return it as a command text: ``flow(position=25.0, speed=0.1)``."""
        given = ", ".join(f"{k}={_brief(v)}" for k, v in self.arguments.items())
        return f"{self.verb}({given})"


def parse(
    text: str, verbs: Iterable[VerbSignature] = (), *, limit: int = DEFAULT_LIMIT
) -> Series | Call:
    """Return what a command text means: a trajectory, or the call of one of ``verbs``.

    A trajectory is a float64 array of shape (n,), 0 <= n <= ``limit``; nan only where
    the text says so, never infinite. Raises ``GrammarError``, and nothing else for any
    text. Pure and bounded: may run on an event loop.
    """
    known = {verb.name: verb for verb in verbs}
    parser = Parser(words(text), Room(limit), known)
    try:
        result = parser.command()
    except Refused as refused:
        raise refused.error.at(column(text, refused.word)) from None
    if isinstance(result, VerbCall):
        return Call(known[result.verb], result.arguments)
    return np.ascontiguousarray(result.array())


def _brief(value: Bound) -> str:
    if isinstance(value, list | np.ndarray):
        return f"<{len(value)} points>"
    return ascii(value)
