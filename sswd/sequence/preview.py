"""What a command text would do, without doing it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sswd.sequence.errors import GrammarError
from sswd.sequence.grammar import Call, parse
from sswd.sequence.points import DEFAULT_LIMIT, Series
from sswd.sequence.verbs import VerbSignature

_SHOWN = 3
OWN_TEXT = "not known: this system reads the texts of CMD in its own way"
"""What there is to say of a text that is not of the language, where it need not be."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The answer to a command text; ``str()`` of it is one line for a PV.

    ``head`` and ``tail`` are the first and last points (up to three each);
    ``duration_s`` is ``None`` if nobody knows it; ``call`` is the verb call that the
    text is, checked; ``error`` the refusal, or ``None``.
    """

    count: int = 0
    first: float | None = None
    last: float | None = None
    duration_s: float | None = None
    error: str | None = None
    call: str | None = None
    head: tuple[float, ...] = ()
    tail: tuple[float, ...] = ()

    def __str__(self) -> str:
        """Return one line of plain ASCII."""
        if self.error is not None:
            return f"refused: {self.error}"
        about = "" if self.duration_s is None else f", about {self.duration_s:.3g} s"
        if self.call is not None:
            return f"calls {self.call}{about}"
        if self.count == 0:
            return "0 points: unloads the trajectory"
        points = ", ".join(f"{point:.10g}" for point in self.head)
        if self.count > len(self.head) + len(self.tail):
            points += " ..."
        if self.tail:
            separator = " " if points.endswith("...") else ", "
            points += separator + ", ".join(f"{point:.10g}" for point in self.tail)
        plural = "" if self.count == 1 else "s"
        return f"{self.count} point{plural}: {points}{about}"


def preview(
    text: str,
    verbs: Iterable[VerbSignature] = (),
    limit: int = DEFAULT_LIMIT,
    *,
    step_s: float | None = None,
) -> Preview:
    """Return what ``text`` would do; raises nothing for any text.

    ``limit`` is in points; ``step_s`` the time of one step in s, if known, from which
    the duration of a trajectory follows. Pure and bounded: may run on an event loop.
    """
    try:
        result = parse(text, verbs, limit=limit)
    except GrammarError as error:
        return Preview(error=str(error))
    if isinstance(result, Call):
        return Preview(call=str(result), duration_s=result.signature.duration_s)
    return _of_series(result, step_s)


def _of_series(series: Series, step_s: float | None) -> Preview:
    count = len(series)
    if count == 0:
        return Preview()
    known = step_s is not None and np.isfinite(step_s) and step_s > 0
    head = series[:_SHOWN].tolist()
    tail = series[max(_SHOWN, count - _SHOWN) :].tolist()
    return Preview(
        count=count,
        first=float(series[0]),
        last=float(series[-1]),
        duration_s=count * step_s if known and step_s is not None else None,
        head=tuple(head),
        tail=tuple(tail),
    )
