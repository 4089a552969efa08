"""docs/reference/guarantees.md and the tests say the same: no row without a test.

A test names the rows that it injects with `@pytest.mark.row(N, ...)`. SSWD_WRITE_DOCS=1
writes the page's column of tests anew.
"""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/reference/guarantees.md"
ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
PROMISE = re.compile(r"^\| G(\d+) \| .+ \| ([\d, -]+) \|$", re.MULTILINE)

UNTESTED: set[int] = set()
"""Rows whose cures are not built yet. It may only shrink."""


def rows_of(mark: ast.expr) -> list[int]:
    """The numbers of `pytest.mark.row(1, 2)`; empty for anything else."""
    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row":
        return [int(ast.literal_eval(argument)) for argument in mark.args]
    return []


def marks(source: str) -> Iterator[tuple[int, str]]:
    """(row, name) of the tests in one file; a mark of the module is one of each."""
    tree = ast.parse(source)
    of_all: list[int] = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == (
            "pytestmark"
        ):
            given = node.value
            several = given.elts if isinstance(given, ast.List) else [given]
            of_all += [row for mark in several for row in rows_of(mark)]
    for node in tree.body:
        is_test = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_test and node.name.startswith("test_"):
            own = [row for mark in node.decorator_list for row in rows_of(mark)]
            for row in {*of_all, *own}:
                yield row, node.name


def marked() -> dict[int, list[str]]:
    """Row -> the tests that inject it, as path::name relative to tests/."""
    found: dict[int, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for row, name in marks(path.read_text()):
            found.setdefault(row, []).append(f"{path.relative_to(TESTS)}::{name}")
    return found


def column(tests: list[str]) -> str:
    """The cell of one row: a file is named once, its tests after it."""
    by_file: dict[str, list[str]] = {}
    for test in tests:
        path, _, name = test.partition("::")
        by_file.setdefault(path, []).append(name)
    cells = [f"`{path}`: " + ", ".join(names) for path, names in by_file.items()]
    return "<br>".join(cells) or "-"


def page_anew() -> str:
    tests = marked()

    def row_anew(match: re.Match[str]) -> str:
        number, fault, expected, _ = match.groups()
        cell = column(tests.get(int(number), []))
        return f"| {number} | {fault} | {expected} | {cell} |"

    return ROW.sub(row_anew, PAGE.read_text())


def test_every_row_has_a_test():
    rows = [int(match[1]) for match in ROW.finditer(PAGE.read_text())]
    assert rows == list(range(1, 61))
    assert set(rows) - set(marked()) == UNTESTED


def test_what_nothing_keeps_is_marked():
    """A reader must not rely on a promise that is not built."""
    planned = {int(m[1]) for m in ROW.finditer(PAGE.read_text()) if "not yet" in m[2]}
    assert planned == UNTESTED


def test_every_mark_names_a_row():
    rows = {int(match[1]) for match in ROW.finditer(PAGE.read_text())}
    assert set(marked()) - rows == set()


def test_the_page_names_the_tests():
    text = page_anew()
    if os.environ.get("SSWD_WRITE_DOCS"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text


def test_every_promise_names_rows():
    promises = dict(PROMISE.findall(PAGE.read_text()))
    assert sorted(map(int, promises)) == list(range(1, 12))
    for text in promises.values():
        bounds = [part.partition("-") for part in text.split(", ")]
        assert all(1 <= int(a) < int(b or 61) <= 61 for a, _, b in bounds)


def test_marks_are_found():
    source = """
pytestmark = pytest.mark.row(7)

@pytest.mark.row(1, 2)
@pytest.mark.timeout(9)
def test_a(): ...

async def test_b(): ...

@pytest.mark.row(3)
def helper(): ...
"""
    found = sorted(marks(source))
    assert found == [(1, "test_a"), (2, "test_a"), (7, "test_a"), (7, "test_b")]
