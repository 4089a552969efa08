"""Answers to a search, and bytes of anybody."""

import pytest

from sswd.ioc.client.search_message import answers
from tests.unit.client.search_answer import HEAD, answer

HOST = ("9.9.9.9", 5064)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (answer(5064), [(0, HOST)]),
        (answer(5064, 0), [(0, HOST)]),
        (answer(5064, 0x0A000007), [(0, ("10.0.0.7", 5064))]),
        (HEAD.pack(0, 0, 0, 13, 0, 0) + answer(7), [(0, ("9.9.9.9", 7))]),
        (answer(5064, place=2) + answer(5064), [(2, HOST), (0, HOST)]),
        (answer(0), []),
        (answer(5064)[:20], [(0, HOST)]),
        (b"nonsense", []),
        (b"\xff" * 64, []),
    ],
)
def test_answers_are_taken_and_nonsense_is_not(
    data: bytes, found: list[tuple[int, tuple[str, int]]]
) -> None:
    assert list(answers(data, "9.9.9.9")) == found
