"""docs/reference/pvs.md lists what the template serves: compared with the code."""

import re
from pathlib import Path

from sswd.config import from_dict
from sswd.config.rules import TEMPLATE_NAMES
from sswd.ioc.daemon.pv_list import rows
from sswd.ioc.daemon.statistics import Statistics

OWN = set(Statistics(prefix="").pvdb)
"""Our names under IOC:; the others there are caproto's."""
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "pvs.md"
SYSTEM = {"system": {"x": {"target": "a:B", "trigger": {"pv": "M:N"}}}}
LINE = re.compile(
    r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| (ro|rw) \| (.*) \|$", re.MULTILINE
)


def served() -> dict[str, tuple[str, str, str]]:
    config = from_dict(SYSTEM, "test")
    return {
        row.name: (row.type, row.units, row.access)
        for row in rows(config, Path(), {})
        if row.name.removeprefix("IOC:") in OWN or not row.name.startswith("IOC:")
    }


def told() -> dict[str, tuple[str, str, str]]:
    return {
        name: (kind.strip(), units.strip(), access)
        for name, kind, units, access, _ in LINE.findall(PAGE.read_text())
    }


def test_the_page_lists_exactly_what_is_served() -> None:
    assert told() == served()


def test_no_declared_pv_may_take_a_template_name() -> None:
    mine = {name for name in served() if ":" not in name}
    assert mine == set(TEMPLATE_NAMES)


def test_enum_strings_are_told() -> None:
    config = from_dict(SYSTEM, "test")
    text = PAGE.read_text()
    for row in rows(config, Path(), {}):
        states = re.search(r"\((\S+\|\S+)\)$", row.description)
        if states and not row.name.startswith("IOC:"):
            for state in states[1].split("|"):
                assert f"`{state}`" in text, (row.name, state)
