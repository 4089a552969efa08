"""No line of the repository points outside it: a reader has nothing else."""

import re
from pathlib import Path

import pytest

import sswd

PACKAGE = Path(sswd.__file__).parent
ROOT = Path(__file__).parents[2]
SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".c",
    ".cfg",
    ".ini",
    ".conf",
    ".service",
    ".dot",
    "",
}
SKIPPED = {"build", "dist", "results", "site", "__pycache__"}
# Assembled, so that this file does not find itself.
NOTES = "|".join(["DECIS" + "IONS", "FAC" + "TS", "GUARAN" + "TEES", "DES" + "IGN"])
OUTSIDE = {
    "notes of somebody's own": re.compile(rf"\b(?:{NOTES})\b"),
    "a tracker that is not here": re.compile(r"\b[Ii]ssues? #?\d+|\(#\d+\)"),
    "a folder of somebody's machine": re.compile(r"(?<![\w.])/(?:work|tmp|home)/\w"),
    "a folder beside the repository": re.compile(r"\bshar[e]d/|(?:\.\./){5}"),
}
NAMED = re.compile(r"`((?:tests|sswd|bench|examples|docs)/[\w/]+\.\w+)`")
PAGES = sorted((ROOT / "docs/explanations/decisions").glob("[0-9]*.md"))


def files() -> list[Path]:
    """Every text file that belongs to the repository."""
    found = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        hidden = SKIPPED.intersection(parts) or re.match(r"\.(?!ci$)", parts[0])
        if path.is_file() and not hidden and path.suffix in SUFFIXES:
            found.append(path)
    return found


@pytest.mark.parametrize("kind", OUTSIDE)
def test_no_line_points_outside(kind: str) -> None:
    told = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if OUTSIDE[kind].search(line)
    ]
    assert not told, f"{kind}:\n" + "\n".join(told)


def test_decisions_are_numbered_and_listed() -> None:
    numbers = sorted(int(page.name.partition("-")[0]) for page in PAGES)
    assert numbers == list(range(1, len(PAGES) + 1))
    index = (PAGES[0].parent / "README.md").read_text()
    for page in PAGES:
        number, _, _ = page.name.partition("-")
        title = page.read_text().splitlines()[0].removeprefix(f"# {number}. ")
        assert f"| {number} | [{title}]({page.name}) |" in index


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_has_context_decision_consequences(page: Path) -> None:
    heads = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert heads == ["Context", "Decision", "Consequences"]


def test_decisions_named_by_number_are_linked_by_it() -> None:
    for page in ROOT.glob("docs/**/*.md"):
        text = page.read_text()
        for number, link in re.findall(r"\[[Dd]ecision (\d+)\]\(([^)]+)\)", text):
            assert Path(link).name.startswith(f"{number}-"), (page.name, link)


def test_files_named_on_pages_exist() -> None:
    """In the repository, or in the package, which the tests find installed."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    gone = []
    for page in pages:
        for name in NAMED.findall(page.read_text()):
            place = PACKAGE.parent if name.startswith("sswd/") else ROOT
            if not (place / name).exists():
                gone.append(f"{page.relative_to(ROOT)}: {name}")
    assert not gone, "\n".join(gone)
