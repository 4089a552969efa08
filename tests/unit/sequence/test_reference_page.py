"""docs/reference/sequences.md says what the code does."""

import re
from pathlib import Path

import numpy as np
import pytest

from sswd.sequence import DEFAULT_LIMIT, GrammarError, parse, verbs_of
from sswd.sequence.command import complaint
from sswd.sequence.functions import CONSTANTS, FUNCTIONS
from sswd.sequence.parser import _MAX_NUMBER, MAX_DEPTH, MAX_STEPS
from sswd.sequence.stepping import MAX_COUNT
from sswd.sizes import CMD_BYTES
from sswd.worker.sequence_pvs import SEQUENCE_PVS

PAGE = Path(__file__).parents[3] / "docs/reference/sequences.md"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its two head lines."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [
        [
            cell.strip().replace(r"\|", "|")
            for cell in re.split(r"(?<!\\)\|", line)[1:-1]
        ]
        for line in lines[2:]
    ]


def test_table_of_functions_is_the_code() -> None:
    documented = [(cells[0].strip("`"), cells[1]) for cells in rows("Functions")]
    assert documented == [
        (str(f.signature), f.signature.summary) for f in FUNCTIONS.values()
    ]


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        (cells[2].strip("`"), cells[3].strip("`"))
        for cells in [*rows("Functions"), *rows("Values and operators")]
    ],
)
def test_example_gives_what_the_page_says(text, gives) -> None:
    np.testing.assert_allclose(parse(text), parse(gives), rtol=1e-12)


def test_constants_are_all_told() -> None:
    told = " ".join(cells[0] for cells in rows("Values and operators"))
    assert set(re.findall(r"`([a-z]+)`", told)) == set(CONSTANTS)


def test_bounds_are_the_code() -> None:
    told = [int(re.match(r"\d+", cells[1]).group()) for cells in rows("Bounds")]
    assert told == [CMD_BYTES, DEFAULT_LIMIT, MAX_DEPTH, MAX_STEPS, _MAX_NUMBER]
    assert str(MAX_COUNT) in PAGE.read_text()


def test_refusal_on_the_page_is_real() -> None:
    block = re.search(r"```\n(.*?)\n```", PAGE.read_text(), re.DOTALL).group(1)
    text = block.splitlines()[0]
    with pytest.raises(GrammarError) as refused:
        parse(text)
    assert complaint(text, refused.value) == block


def test_details_on_the_page_are_true() -> None:
    assert parse("linear(1, 1.3, 0.1)")[-1] == pytest.approx(1.3)
    assert len(parse("log_series(0.01, 0.178, 4)")) == 6
    assert len(parse("[" + "7," * 4998 + "7]")) == 4999


def python(number: int) -> str:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[number]


def test_verbs_on_the_page_work() -> None:
    block = python(0)
    names: dict[str, object] = {}
    exec(block, names)  # the page's own example, not a command text
    verbs = [found.signature for found in verbs_of(names["Pump"]).values()]
    assert [v.name for v in verbs] == ["flow", "valve"]
    assert parse("flow(position=25, speed=0.1)", verbs).arguments == {
        "position": 25.0,
        "speed": 0.1,
    }
    assert parse("valve('load')", verbs).arguments == {"way": "load"}


def test_table_of_pvs_is_the_code() -> None:
    assert rows("SequenceSystem") == [
        [
            f"`{pv}`",
            keys["type"],
            "clients" if keys.get("writable") else "the system",
            keys["description"],
        ]
        for pv, keys in SEQUENCE_PVS.items()
    ]


def test_system_on_the_page_works() -> None:
    names: dict[str, object] = {}
    exec(python(1), names)
    assert names["Stage"].pvs["VAL"]["units"] == "mm"
    assert names["Stage"].max_points == 10000
