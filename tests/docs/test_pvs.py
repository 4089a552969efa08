"""docs/reference/pvs.md lists what the template serves: compared with the code.

After a change of a description, SSWD_WRITE_DOCS=1 writes the last column anew.
"""

import os
import re
from pathlib import Path

from sswd.config import from_dict
from sswd.config.names import TEMPLATE_NAMES
from sswd.ioc.daemon.pv_list import Row, rows
from sswd.ioc.daemon.statistics import Statistics
from sswd.master.config import MasterConfig
from sswd.master.group import MasterGroup

OWN = set(Statistics(prefix="").pvdb)
"""Our names under IOC:; the others there are caproto's."""
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "pvs.md"
SYSTEM = {"system": {"x": {"target": "a:B", "trigger": {"pv": "M:N"}}}}
LINE = re.compile(
    r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| (ro|rw) \| (.*) \|$", re.MULTILINE
)


def served() -> dict[str, Row]:
    config = from_dict(SYSTEM, "test")
    return {
        row.name: row
        for row in rows(config, Path(), {})
        if row.name.removeprefix("IOC:") in OWN or not row.name.startswith("IOC:")
    }


def line_of(row: Row) -> str:
    """The row as the page has it, with the states of an enum one by one."""
    about, _, states = row.description.partition(" (")
    if states:
        each = (f"`{state}`" for state in states.removesuffix(")").split("|"))
        about += ": " + ", ".join(each)
    return f"| `{row.name}` | {row.type} | {row.units} | {row.access} | {about} |"


def test_the_page_lists_exactly_what_is_served() -> None:
    pvs = served()
    if os.environ.get("SSWD_WRITE_DOCS"):
        text = LINE.sub(lambda m: line_of(pvs[m[1]]), PAGE.read_text())
        PAGE.write_text(text)
    told = {match[1]: match[0] for match in LINE.finditer(PAGE.read_text())}
    assert told == {name: line_of(row) for name, row in pvs.items()}


def test_no_declared_pv_may_take_a_template_name() -> None:
    mine = {name for name in served() if ":" not in name}
    assert mine == set(TEMPLATE_NAMES)


def test_descriptions_fit_a_record_and_read_well() -> None:
    """.DESC holds 40 characters; the rest would be cut."""
    pvs = {name: row.description for name, row in served().items()}
    pvs |= {
        name: data.__doc__ or ""
        for name, data in MasterGroup(
            MasterConfig(server={"a": {"prefix": "A:"}})
        ).pvdb.items()
    }
    for name, description in pvs.items():
        about = re.sub(r" \(\S+\|\S+\)$", "", description)
        assert 0 < len(about) <= 40, (name, about, len(about))
        assert about[0].isupper(), (name, about)
