"""An instrument that is described by its texts."""

from pathlib import Path

import pytest

from sswd.adapters.scpi_file import ScpiInstrument
from sswd.cli.project import render
from sswd.errors import LoadError

PV = '[pvs.X]\nquery = "X?"\n'


def instrument(folder: Path, text: str) -> ScpiInstrument:
    (folder / "power.toml").write_text(text)
    return ScpiInstrument("power.toml", str(folder), "power")


def test_the_file_that_init_writes(tmp_path: Path) -> None:
    found = instrument(tmp_path, render("instrument.toml", {"file": "power.toml"}))
    assert found.ping == "*IDN?"
    voltage, output, reset = found.attributes() or ()
    assert (voltage.type, voltage.units, voltage.poll_s) == ("float", "V", 1.0)
    assert voltage.limits == (0.0, 30.0)
    assert (output.strings, output.values) == (("off", "on"), (0, 1))
    assert (reset.type, reset.readable) == ("action", False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "pvs"),
        (PV + "unit = 'V'\n", "unit"),
        ("[pvs.X]\n", "neither query nor write"),
        ("[pvs.X", "power.toml"),
    ],
)
def test_a_mistake_is_told_with_the_file(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(LoadError, match=words) as caught:
        instrument(tmp_path, text)
    assert "power.toml" in str(caught.value)


def test_a_wrong_argument_is_told(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="adress"):
        instrument(tmp_path, PV).driver({"adress": "x"})
