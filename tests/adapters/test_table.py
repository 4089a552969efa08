"""docs/reference/adapters.md: drivers that load, and what each one yields.

With SSWD_WRITE_DOCS=1 the tables are written. They are of the newest versions; with
others, the drivers must load, and no more.
"""

import importlib.metadata
import os
import re
from pathlib import Path

import pytest

from sswd.adapters.attribute import Attribute
from sswd.adapters.pymeasure_class import PymeasureClass
from sswd.adapters.qcodes_instrument import QcodesClass

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "adapters.md"
PYMEASURE = (
    *("agilent:Agilent33220A", "agilent:AgilentE4408B", "ametek:Ametek7270"),
    *("anritsu:AnritsuMG3692C", "danfysik:Danfysik8500", "deltaelektronika:SM7045D"),
    *("heidenhain:ND287", "hp:HP34401A", "keithley:Keithley2000"),
    *("keithley:Keithley2400", "keithley:Keithley6221", "keithley:Keithley6517B"),
    *("keysight:KeysightN5767A", "lakeshore:LakeShore211", "lakeshore:LakeShore224"),
    *("lakeshore:LakeShore331", "oxfordinstruments:ITC503", "rohdeschwarz:SFM"),
    *("signalrecovery:DSP7265", "srs:SR830", "srs:SR860", "tcpowerconversion:CXN"),
    *("temptronic:ATS545", "thorlabs:ThorlabsPM100USB", "toptica:IBeamSmart"),
    "yokogawa:YokogawaGS200",
)
QCODES = {
    "AimTTi:AimTTiPL601": ("GPIB::1::INSTR", "AimTTi_PL601P"),
    "Keithley:Keithley3706A": ("GPIB::11::INSTR", "Keithley_3706A"),
    "Keithley:Keithley7510": ("GPIB::1::INSTR", "keithley_7510"),
    "Keysight:Keysight33512B": ("GPIB::1::INSTR", "Keysight_33xxx"),
    "Keysight:Keysight34465A": ("GPIB::1::INSTR", "Keysight_34465A"),
    "Keysight:KeysightE4980A": ("GPIB::1::INSTR", "Keysight_E4980A"),
    "Keysight:KeysightN6705B": ("GPIB::1::INSTR", "Keysight_N6705B"),
    "Lakeshore:LakeshoreModel335": ("GPIB::2::INSTR", "lakeshore_model335"),
    "Lakeshore:LakeshoreModel336": ("GPIB::2::INSTR", "lakeshore_model336"),
    "Lakeshore:LakeshoreModel372": ("GPIB::3::INSTR", "lakeshore_model372"),
    "rohde_schwarz:RohdeSchwarzSGS100A": ("GPIB::1::INSTR", "RSSGS100A"),
    "weinschel:Weinschel8320": ("GPIB::1::INSTR", "Weinschel_8320"),
    "yokogawa:YokogawaGS200": ("GPIB::1::INSTR", "Yokogawa_GS200"),
}
HEAD = """| driver | PVs | writable | enum, bool | limits | units | actions | guesses |
|---|---|---|---|---|---|---|---|
"""


def row(driver: str, found: list[Attribute]) -> str:
    pvs = [a for a in found if a.type != "action"]
    counts = (
        len(pvs),
        sum(a.writable for a in pvs),
        sum(a.type in ("enum", "bool") for a in pvs),
        sum(a.limits is not None for a in pvs),
        sum(bool(a.units) for a in pvs),
        len(found) - len(pvs),
        sum(a.is_guess for a in pvs),
    )
    return f"| `{driver}` | {' | '.join(map(str, counts))} |\n"


def pymeasure_table() -> str:
    rows = ""
    for driver in PYMEASURE:
        source = PymeasureClass(f"pymeasure.instruments.{driver}", "", "x")
        rows += row(driver, list(source.attributes() or ()))
    return HEAD + rows


def qcodes_table() -> str:
    rows = ""
    for driver, (address, simulation) in QCODES.items():
        source = QcodesClass(f"qcodes.instrument_drivers.{driver}", "", "x")
        args = {"address": address, "pyvisa_sim_file": f"{simulation}.yaml"}
        connected = source.driver(args)
        connected.connect()
        rows += row(driver, list(connected.attributes()))
        connected.disconnect()
    return HEAD + rows


@pytest.mark.parametrize(
    ("library", "make"), [("pymeasure", pymeasure_table), ("qcodes", qcodes_table)]
)
def test_the_drivers_load_and_yield_what_the_page_says(library: str, make) -> None:
    table = make()
    assert len(table.splitlines()) > 11
    version = importlib.metadata.version(library)
    text = PAGE.read_text()
    section = re.compile(
        rf"(## {library} )(\S+)(\n\n.*?\n\n)(\|.*?\n)(?=\n|\Z)", re.DOTALL
    )
    match = section.search(text)
    assert match, f"{PAGE} has no table of {library}"
    if os.environ.get("SSWD_WRITE_DOCS"):
        PAGE.write_text(
            text[: match.start()]
            + match[1]
            + version
            + match[3]
            + table
            + text[match.end() :]
        )
    elif version == match[2]:
        assert match[4] == table, "write it anew: SSWD_WRITE_DOCS=1"
