"""Every test that bounds a time of the real clock from above says so: it is run alone.

What counts is an assert that a time stays below something, in the test, in a fixture of
it or in a function that it calls, looked up by name in its file and in the helpers. A
time is a name that ends in `_s` or `_ms`, or a reading of a clock. A wait until a
deadline is no bound: deadlines are ten times what is needed.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time"}
DEADLINES = ("until_s", "deadline_s")
NO_REAL_CLOCK = {
    "test_delays_have_bounds_and_memory_has_one",
    "test_periodic_is_marked_for_the_worker",
}
"""Tests whose times are made up, or are numbers of a configuration."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def is_time(node: ast.expr) -> bool:
    return any(
        name.endswith(("_s", "_ms")) or name in CLOCKS
        for part in ast.walk(node)
        if (name := getattr(part, "id", "") or getattr(part, "attr", ""))
    )


def bounds_time(node: ast.AST) -> bool:
    """Whether it is an assert with a time on the smaller side of a comparison."""
    if not isinstance(node, ast.Assert):
        return False
    for compare in ast.walk(node.test):
        if not isinstance(compare, ast.Compare):
            continue
        sides = [compare.left, *compare.comparators]
        for op, first, second in zip(compare.ops, sides, sides[1:], strict=False):
            if isinstance(op, ast.Lt | ast.LtE):
                low, high = first, second
            elif isinstance(op, ast.Gt | ast.GtE):
                low, high = second, first
            else:
                continue
            if is_time(low) and not ast.unparse(high).endswith(DEADLINES):
                return True
    return False


def called_by(function: Function) -> set[str]:
    """Names of what it calls or takes as fixtures."""
    names = {argument.arg for argument in function.args.args}
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            names.add(getattr(node.func, "id", "") or getattr(node.func, "attr", ""))
    return names


def spread(functions: list[Function], timed: frozenset[str]) -> frozenset[str]:
    """Names of those functions that bound a time, or call by name what does.

    A name that a file defines itself is its own, whatever the helpers call so.
    """
    own = {function.name for function in functions}
    found = {f.name for f in functions if any(map(bounds_time, ast.walk(f)))}
    while True:
        reached = found | (timed - own)
        more = {f.name for f in functions if called_by(f) & reached} - found
        if not more:
            return frozenset(found)
        found |= more


@functools.cache
def timed_helpers() -> frozenset[str]:
    helpers = [
        function
        for path in sorted(HERE.rglob("*.py"))
        if not path.name.startswith("test_") and "misbehaving" not in path.parts
        for function in functions_of(path)
        if function.name != "__init__"
    ]
    return spread(helpers, frozenset())


def is_marked(function: Function) -> bool:
    return any("mark.timing" in ast.unparse(d) for d in function.decorator_list)


def timed_tests(path: Path) -> list[Function]:
    functions = list(functions_of(path))
    timed = spread(functions, timed_helpers())
    return [f for f in functions if f.name.startswith("test_") and f.name in timed]


@pytest.mark.parametrize(
    "path", sorted(HERE.rglob("test_*.py")), ids=lambda p: str(p.relative_to(HERE))
)
def test_a_bound_on_the_real_clock_is_marked(path: Path) -> None:
    unmarked = [
        f"{function.name}, line {function.lineno}"
        for function in timed_tests(path)
        if not is_marked(function) and function.name not in NO_REAL_CLOCK
    ]
    assert not unmarked, "these bound a time and lack @pytest.mark.timing"


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("assert took_s < 1.0", True),
        ("assert 2.9 < over.at_s - begun.at_s < 6", True),
        ("assert 1.0 > time.monotonic() - begun_s", True),
        ("assert max(took_s) <= LIMIT_S", True),
        ("assert took_s > 0.2", False),
        ("assert time.monotonic() < until_s", False),
        ("assert left_s > 0", False),
        ("assert count < 3", False),
    ],
)
def test_what_bounds_a_time(text: str, bounds: bool) -> None:
    assert bounds_time(ast.parse(text).body[0]) is bounds
