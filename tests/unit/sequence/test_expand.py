"""Texts of `sswd expand`: for a pipe, for a terminal, and refusals with a mark."""

import numpy as np
import pytest

from sswd.sequence import GrammarError
from sswd.sequence.command import complaint, expand
from sswd.sequence.plot import render


def test_a_pipe_gets_every_value_exactly() -> None:
    lines = expand("lin_series(0, 700, 0.1)").splitlines()
    assert [float(line) for line in lines] == list(
        np.append(0.1 * np.arange(7000), 700.0)
    )
    assert expand("[]") == ""
    assert expand("[nan]") == "nan"


def test_a_terminal_gets_summary_values_and_plot() -> None:
    lines = expand("ramp(0, 4, 1)", tty=True, width=60).splitlines()
    assert lines[0] == "9 points from 0 to 0, lowest 0, highest 4"
    assert lines[1] == "0, 1, 2, 3, 4, 3, 2, 1, 0"
    assert lines[2].startswith("4 |")
    assert lines[-1].startswith("0 |")
    assert max(map(len, lines)) <= 60


def test_a_terminal_is_told_what_it_is_not_shown() -> None:
    assert "... (9500 more; a pipe gets all)" in " ".join(
        expand("linear(0, 1e4)", tty=True).split("\n")
    )


@pytest.mark.parametrize("text", ["[]", "[1]", "[nan]", "[nan, 1]", "[-1e308, 1e308]"])
def test_a_terminal_copes_with_odd_series(text) -> None:
    assert expand(text, tty=True)


def test_limit_and_refusal_are_the_grammars() -> None:
    with pytest.raises(GrammarError, match="limit is 3"):
        expand("linear(0, 4)", limit=3)
    with pytest.raises(GrammarError):
        expand("nothing(1)", tty=True)


@pytest.mark.parametrize("column", [1, 8, 150, 299])
def test_complaint_marks_the_column(column) -> None:
    text = "".join(chr(ord("a") + i % 26) for i in range(300))
    lines = complaint(text, GrammarError("bad", "mend", column)).splitlines()
    assert lines[0][lines[1].index("^")] == text[column - 1]
    assert len(lines[0]) <= 80
    assert lines[2] == f"column {column}: bad; mend"


def test_complaint_past_the_end_and_without_a_place() -> None:
    assert complaint("1+\n", GrammarError("bad", column=3)).splitlines()[1] == "  ^"
    assert complaint("", GrammarError("bad")) == "bad"


def dots(plot: str) -> list[tuple[int, int]]:
    """Return (column, row from below) of every dot of a plot."""
    order = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    lines = [line.partition("|")[2] for line in plot.splitlines()]
    found = []
    for row, line in enumerate(lines):
        for column, char in enumerate(line):
            bits = ord(char) - 0x2800
            for bit, (x, y) in enumerate(order):
                if bits >> bit & 1:
                    found.append((2 * column + x, 4 * len(lines) - 1 - 4 * row - y))
    return sorted(found)


def test_plot_of_a_line_is_its_diagonal() -> None:
    plot = render(np.arange(16.0), width=12, height=4)
    assert [len(line) for line in plot.splitlines()] == [12, 12, 12, 12]
    assert plot.splitlines()[0].startswith("15 |")
    assert dots(plot) == [(i, i) for i in range(16)]


def test_plot_of_a_constant_is_level_and_leaves_gaps() -> None:
    found = dots(render(np.array([5.0, np.nan, 5.0, np.inf, 5.0]), width=14))
    assert len(found) == 3
    assert len({y for _, y in found}) == 1


def test_plot_without_points_says_so() -> None:
    assert render(np.array([])) == "no points to plot"
    assert render(np.array([np.nan])) == "no points to plot"


@pytest.mark.parametrize("width", [1, 10, 72, 200])
@pytest.mark.parametrize("height", [1, 2, 40])
def test_plot_keeps_its_size(width, height) -> None:
    lines = render(np.sin(np.arange(10_000)) * 1e-7, width, height).splitlines()
    assert len(lines) == max(height, 2)
    assert max(map(len, lines)) <= max(width, 10)
