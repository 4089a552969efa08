"""What a text would do, in one line, without doing it."""

import pytest

from sswd.sequence import Parameter, VerbSignature, preview

FLOW = VerbSignature("flow", (Parameter("position", ("float",)),), duration_s=2.0)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("linear(0, 10, 1)", "10 points: 0, 1, 2 ... 7, 8, 9"),
        ("[5]", "1 point: 5"),
        ("[1, 2.5, 3]", "3 points: 1, 2.5, 3"),
        ("[1, 2, 3, 4]", "4 points: 1, 2, 3, 4"),
        ("linear(0, 6)", "6 points: 0, 1, 2, 3, 4, 5"),
        ("[0.1 + 0.2, nan]", "2 points: 0.3, nan"),
        ("[]", "0 points: unloads the trajectory"),
        ("flow(25)", "calls flow(position=25.0), about 2 s"),
        ("linear(0, 1, 0)", "refused: column 1: the step is 0; give another step"),
    ],
)
def test_preview_is_one_line(text, line) -> None:
    assert str(preview(text, [FLOW])) == line


def test_preview_has_the_numbers() -> None:
    found = preview("linear(2, 12, 2)")
    assert (found.count, found.first, found.last) == (5, 2.0, 10.0)
    assert found.error is None
    assert found.duration_s is None


@pytest.mark.parametrize(
    ("step_s", "duration_s"), [(0.5, 5.0), (0, None), (float("nan"), None)]
)
def test_duration_follows_from_the_time_of_a_step(step_s, duration_s) -> None:
    assert preview("linear(0, 10)", step_s=step_s).duration_s == duration_s


def test_duration_is_told() -> None:
    assert str(preview("[1, 2]", step_s=0.25)) == "2 points: 1, 2, about 0.5 s"


def test_limit_holds() -> None:
    assert preview("linear(0, 6)", limit=5).error is not None
    assert preview("linear(0, 5)", limit=5).count == 5
