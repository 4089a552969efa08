"""The texts of ``sswd expand``: values for a pipe, values and a plot for people."""

import textwrap

import numpy as np

from sswd.sequence.errors import GrammarError
from sswd.sequence.grammar import Call, parse
from sswd.sequence.plot import render
from sswd.sequence.points import DEFAULT_LIMIT

_PEOPLE_READ = 500
"""Values shown on a terminal; a pipe gets all."""


def expand(
    text: str, *, limit: int = DEFAULT_LIMIT, tty: bool = False, width: int = 80
) -> str:
    """Return the points of a command text, one a line as ``repr``; raise
    ``GrammarError`` if it is refused.

    For a terminal (``tty``) it is a summary, the values side by side and a plot, no
    wider than ``width`` characters. Ends without a new line.
    """
    series = parse(text, limit=limit)
    assert not isinstance(series, Call)  # no verbs were given
    count = len(series)
    if not tty:
        return "\n".join(map(repr, series.tolist()))
    if not count:
        return "0 points"
    plural = "" if count == 1 else "s"
    summary = (
        f"{count} point{plural} from {series[0]:g} to {series[-1]:g}, "
        f"lowest {np.fmin.reduce(series):g}, highest {np.fmax.reduce(series):g}"
    )
    listed = ", ".join(f"{value:.10g}" for value in series[:_PEOPLE_READ].tolist())
    if count > _PEOPLE_READ:
        listed += f", ... ({count - _PEOPLE_READ} more; a pipe gets all)"
    lines = textwrap.wrap(listed, max(width, 40), break_long_words=False)
    return "\n".join([summary, *lines, render(series, width)])


def complaint(text: str, error: GrammarError, *, width: int = 80) -> str:
    """Return a refusal for a terminal: the text with a mark under the column."""
    if not error.column:
        return str(error)
    shown = "".join(c if c.isprintable() else "?" for c in text)
    start = max(0, min(error.column - 1 - width // 2, len(shown) - width))
    mark = " " * (error.column - 1 - start) + "^"
    return f"{shown[start : start + width]}\n{mark}\n{error}"
