"""docs/how-to/wrap-an-existing-driver.md: its examples are what they say."""

import re
from pathlib import Path

from sswd import config
from sswd.adapters.attribute import pv_keys
from sswd.adapters.plain_class import attributes_of
from sswd.adapters.scpi_file import ScpiInstrument

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "wrap-an-existing-driver.md"
TEXT = PAGE.read_text()


def block(language: str, words: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    (only,) = [text for text in found if words in text]
    return only


def test_the_table_of_a_pv_is_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "keithley2400.toml"
    target = '"pymeasure:pymeasure.instruments.keithley:Keithley2400"'
    head = f'[system.keithley2400]\ntarget = {target}\nping = "*IDN?"\n'
    file.write_text(head + block("toml", "SOURCE_VOLTAGE"))
    system = config.load(file).system["keithley2400"]
    assert system.pvs["SOURCE_VOLTAGE"].limits == (-210.0, 210.0)


def test_the_instrument_of_texts_loads(tmp_path: Path) -> None:
    (tmp_path / "power.toml").write_text(block("toml", "VOLT?"))
    found = ScpiInstrument("power.toml", str(tmp_path), "x").attributes() or ()
    assert [a.name for a in found] == ["VOLTAGE", "OUTPUT", "RESET"]
    assert [a.type for a in found] == ["float", "enum", "action"]


def test_the_class_of_your_own_is_what_the_page_says() -> None:
    names: dict[str, type] = {}
    exec(block("python", "class Laser"), names)
    found = {a.name: pv_keys(a) for a in attributes_of(names["Laser"])}
    assert found["power"]["units"] == "mW"
    assert found["power"]["limits"] == [0.0, 50.0]
    assert found["mode"]["strings"] == ["cw", "pulsed"]
    assert found["fire"]["type"] == "action"
