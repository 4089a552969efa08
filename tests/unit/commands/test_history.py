"""What is remembered of commands that have ended."""

import numpy as np
import pytest

from sswd.ioc.commands.command import Command, CommandState
from sswd.ioc.commands.history import KEPT, History, entry_of, value_words


def ended(number: int, state: CommandState = CommandState.DONE) -> Command:
    return Command(
        number, "CMD", "x", state=state, came_s=1.0, started_s=3.0, ended_s=7.0
    )


def test_the_last_ones_are_kept() -> None:
    history = History()
    for number in range(KEPT + 5):
        history.ended(ended(number))
    assert [e.id for e in history.entries] == list(range(5, KEPT + 5))


def test_the_last_failure_outlives_later_success() -> None:
    history = History()
    assert history.last_failure is None
    history.ended(ended(1, CommandState.LOST))
    history.ended(ended(2))
    assert history.last_failure is not None
    assert history.last_failure.id == 1


def test_times() -> None:
    entry = entry_of(ended(1), 7.0)
    assert (entry.waited_s, entry.ran_s) == (2.0, 4.0)
    refused = Command(
        1, "CMD", "x", state=CommandState.REJECTED, came_s=1.0, ended_s=1.0
    )
    entry = entry_of(refused, 1.0)
    assert (entry.waited_s, entry.ran_s) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[0, 1]", "'[0, 1]'"),
        (1.5, "1.5"),
        ([1, 2], "[1, 2]"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)
def test_a_value_in_words(value: object, words: str) -> None:
    assert value_words(value) == words


@pytest.mark.parametrize(
    "value", [list(range(10**6)), b"x" * 10**7, np.zeros(10**6), "x" * 10**7]
)
def test_a_large_value_is_cut(value) -> None:
    assert len(value_words(value)) <= 60
