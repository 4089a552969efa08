"""docs/how-to/screens.md names every format; pictures show what is exported, and the
table of the benchmarks. SSWD_WRITE_DOCS=1 draws them again."""

import importlib.util
import os
import re
import types
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sswd import cli
from sswd.cli.export import FORMATS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/screens.md").read_text()
PICTURES = ROOT / "docs/pictures"
CONFIG = ROOT / "tests/screens/microscope.toml"


def script(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, PICTURES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare(name: str, drawn: str) -> None:
    path = PICTURES / f"{name}.svg"
    if os.environ.get("SSWD_WRITE_DOCS") == "1":
        path.write_text(drawn)
    assert path.read_text() == drawn, "SSWD_WRITE_DOCS=1 draws it again"


def test_the_page_names_every_format() -> None:
    assert set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)) == set(FORMATS)


def test_the_picture_of_the_bob_is_that_of_the_file(capsys) -> None:
    assert cli.main(["export", "bob", str(CONFIG)]) == 0
    display = ET.fromstring(capsys.readouterr().out)
    compare("bob", script("bob").drawing(display))


@pytest.mark.parametrize("name", ["latency", "isolation", "throughput", "growth"])
def test_the_plots_are_those_of_the_table(name: str) -> None:
    benchmarks = script("benchmarks")
    (chart,) = [chart for chart in benchmarks.CHARTS if chart.name == name]
    compare(name, benchmarks.drawing(chart, benchmarks.PAGE.read_text()))
