"""docs/explanations/architecture.md lists every module; pictures show their sources."""

import html
import re
from pathlib import Path

import pytest

import sswd

ROOT = Path(__file__).parents[2]
SOURCES = Path(sswd.__file__).parent
PAGE = ROOT / "docs" / "explanations" / "architecture.md"
PICTURES = ROOT / "docs" / "pictures"
DOTS = sorted(PICTURES.glob("*.dot"))
ROW = re.compile(r"^\| `((?:ioc|worker)/\S+\.py)` \| .+ \| .+ \| .+ \|$", re.MULTILINE)
QUOTED = re.compile(r'label="((?:[^"\\]|\\.)*)"')
SHOWN = re.compile(r"<text[^>]*>(.*?)</text>", re.DOTALL)


def modules() -> set[str]:
    """Every module of the IOC and the worker, without the packages' doors."""
    paths = [*(SOURCES / "ioc").rglob("*.py"), *(SOURCES / "worker").rglob("*.py")]
    names = (path.relative_to(SOURCES).as_posix() for path in paths)
    return {name for name in names if not name.endswith("/__init__.py")}


def test_the_table_lists_every_module_once() -> None:
    rows = ROW.findall(PAGE.read_text())
    missing, surplus = sorted(modules() - set(rows)), sorted(set(rows) - modules())
    anew = "\n".join(f"| `{name}` | WHAT | THREAD | CALLED BY |" for name in missing)
    assert not missing, f"rows to add to {PAGE.name}:\n{anew}"
    assert not surplus, f"rows to remove from {PAGE.name}:\n" + "\n".join(surplus)
    assert len(rows) == len(set(rows)), "a module stands there twice"


def test_the_files_named_elsewhere_on_the_page_exist() -> None:
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE.read_text()))
    rooms = [SOURCES, SOURCES / "ioc"]
    gone = [name for name in named if not any((r / name).exists() for r in rooms)]
    assert not sorted(gone)


@pytest.mark.parametrize("source", DOTS, ids=lambda p: p.stem)
def test_a_picture_shows_the_labels_of_its_source(source: Path) -> None:
    labels = QUOTED.findall(source.read_text())
    lines = {line.strip() for label in labels for line in label.split(r"\n")}
    picture = source.with_suffix(".svg").read_text()
    shown = {html.unescape(text).strip() for text in SHOWN.findall(picture)}
    assert lines
    assert shown == lines, f"draw it again: see {PICTURES.name}/README.md"


@pytest.mark.parametrize("source", DOTS, ids=lambda p: p.stem)
def test_the_modules_in_a_picture_exist(source: Path) -> None:
    text = source.read_text().replace(r"\n", "\n")
    named = re.findall(r"(\w+(?:/\w+)*\.py)\b", text)
    rooms = [SOURCES / "ioc", SOURCES / "worker"]
    gone = [name for name in named if not any((r / name).exists() for r in rooms)]
    assert not gone


def test_every_picture_is_shown_and_has_a_source() -> None:
    how_to = [ROOT / f"docs/how-to/{name}.md" for name in ("operations", "screens")]
    performance = ROOT / "docs/reference/performance.md"
    pages = "".join(
        page.read_text() for page in [PAGE, ROOT / "README.md", *how_to, performance]
    )
    pictures = [*PICTURES.glob("*.svg"), *PICTURES.glob("*.png")]
    scripts = [*PICTURES.glob("*.py"), ROOT / "tests/screens/test_pydm.py"]
    told = "".join(script.read_text() for script in scripts)
    of_scripts = set(re.findall(r"(\w+)\.(?:svg|png)\b", told))
    assert {p.stem for p in pictures} == {p.stem for p in DOTS} | of_scripts
    for picture in pictures:
        assert f"pictures/{picture.name})" in pages
