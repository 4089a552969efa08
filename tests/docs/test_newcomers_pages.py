"""The two pages for newcomers: their driver runs, their table is the code's."""

import os
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from caproto import ChannelType

from sswd.config import from_dict
from sswd.ioc.pvs.kinds import KINDS
from sswd.worker.system import System

PAGES = Path(__file__).parents[2] / "docs/explanations"
PYTHON = PAGES / "for-python-people.md"
EPICS = PAGES / "for-epics-people.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"<!-- records -->\n(.*?)<!-- end of records -->", re.DOTALL)


def test_the_driver_of_the_page_does_what_its_comments_say() -> None:
    blocks = dict(BLOCK.findall(PYTHON.read_text()))
    module = ModuleType("oven")
    exec(blocks["python"], vars(module))
    assert issubclass(module.Oven, System)
    config = from_dict(tomllib.loads(blocks["toml"]), PYTHON.name)
    pvs = config.system["oven"].pvs
    oven = module.Oven()
    for name, pv in pvs.items():
        assert hasattr(oven, f"on_{name.lower()}") == pv.writable
    posted: list[tuple[str, object]] = []
    oven.io_put = lambda name, value: posted.append((name, value))
    oven.on_target(120.0)
    oven.read_temperature()
    assert posted == [("TEMPERATURE", 120.0)]
    assert set(pvs) == {"TARGET", "TEMPERATURE"}


def records() -> str:
    """The rows of the table, from the code that declares the channels."""
    rows = []
    for name, kind in KINDS.items():
        wire = ChannelType(kind.writable.data_type).name.replace("INT", "SHORT")
        one = kind.out_record, kind.in_record
        array = "" if name in ("text", "bool", "enum", "action") else "waveform"
        rows.append(f"| {name} | {one[0]} | {one[1]} | {array} | DBR_{wire} |\n")
    return "".join(rows)


def test_the_table_of_record_types_is_the_code() -> None:
    text = EPICS.read_text()
    if os.environ.get("SSWD_WRITE_DOCS"):
        rows = f"<!-- records -->\n{records()}<!-- end of records -->"
        EPICS.write_text(TABLE.sub(lambda _: rows, text))
    found = TABLE.search(EPICS.read_text())
    assert found
    assert found[1] == records()


@pytest.mark.parametrize("page", [PYTHON, EPICS], ids=lambda page: page.stem)
def test_every_key_that_a_page_names_in_code_is_one(page: Path) -> None:
    """What stands as `key = value` in a table is read without a complaint."""
    text = 'prefix = "A:"\n[system.x]\ntarget = "m:C"\n'
    told = re.findall(r"`(\w+ = (?:true|false|\[[^`]*\]))`", page.read_text())
    assert told or page is PYTHON
    of_pv = {"restore", "shape", "readback"}
    for line in told:
        key = line.split()[0]
        value = line.replace("[height, width]", "[2, 2]")
        into = (
            f'[system.x.pvs.P]\ntype = "uint16"\nwritable = true\n{value}\n'
            if key in of_pv
            else f"{value}\n"
        )
        if key == "shape":
            into = into.replace("writable = true\n", "")
        from_dict(tomllib.loads(text + into), page.name)
