"""docs/how-to/motors.md: its blocks are of examples/motor, which test_examples.py runs,
and what it says of objects is what the worker looks for."""

import re
from pathlib import Path

from sswd.ioc.motor.fields import WRITABLE
from sswd.worker import motor

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "motors.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_blocks_are_those_of_the_example() -> None:
    files = {"python": "slit.py", "toml": "slit.toml"}
    found = BLOCK.findall(PAGE)
    assert len(found) == 3
    for language, block in found:
        assert block in (ROOT / "examples" / "motor" / files[language]).read_text()


def test_the_attributes_are_those_that_the_worker_looks_for() -> None:
    table = PAGE.partition("## What the object may have")[2].partition("\nOnly")[0]
    told = set(
        re.findall(
            r"`([a-z_]+)(?:\(\w*\))?`",
            "".join(
                line.partition("|")[2].partition("|")[0] for line in table.splitlines()
            ),
        )
    )
    source = Path(motor.__file__).read_text()
    looked_for = set(
        re.findall(
            r'(?:getattr\(self\.object, |_(?:call|set|method|value|number)\()"(\w+)"',
            source,
        )
    )
    assert told == looked_for


def test_the_reference_names_the_fields_that_can_be_written() -> None:
    page = (ROOT / "docs" / "reference" / "pvs.md").read_text()
    told = page.partition("means something: ")[2].partition(".")[0].split()
    assert sorted(told) == sorted(WRITABLE)
