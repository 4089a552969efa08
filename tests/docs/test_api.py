"""docs/reference/api.md is what the docstrings say.

After a change there: SSWD_WRITE_DOCS=1 pytest tests/docs/test_api.py
"""

import ast
import inspect
import itertools
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path

import sswd
import sswd.sequence
import sswd.testing
from sswd.ioc import Server

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"
MARK = "<!-- from the docstrings -->\n"
NAMES: dict[str, list[object]] = {
    "For a driver: `from sswd import ...`": [
        getattr(sswd, name) for name in sswd.__all__ if name != "__version__"
    ],
    "For the command language: `from sswd.sequence import verb`": [sswd.sequence.verb],
    "For an IOC of your own: `from sswd.ioc import Server`": [Server],
    "For tests: `from sswd.testing import ...`": [
        getattr(sswd.testing, name) for name in sswd.testing.__all__
    ],
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def entries(thing: object) -> Iterator[str]:
    """One public name, and the public methods of a class that have a docstring."""
    source = textwrap.dedent(inspect.getsource(thing))  # type: ignore[arg-type]
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef | Function), thing
    doc = ast.get_docstring(node)
    assert doc, f"{node.name} has no docstring"
    if isinstance(node, Function):
        yield f"### `{head(node)}`\n\n{shown(doc)}"
        return
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    yield f"### `class {node.name}({bases})`\n\n{shown(doc)}"
    for each in node.body:
        if not isinstance(each, Function) or each.name.startswith("_"):
            continue
        if text := ast.get_docstring(each):
            yield f"#### `{node.name}.{head(each)}`\n\n{shown(text)}"


def head(node: Function) -> str:
    marks = {ast.unparse(mark) for mark in node.decorator_list}
    if "property" in marks:
        return node.name
    arguments = ast.unparse(node.args).removeprefix("self, ").removeprefix("cls, ")
    return f"{node.name}({'' if arguments in ('self', 'cls') else arguments})"


def shown(doc: str) -> str:
    """As it is written; what is indented after `::` is code."""
    blocks = itertools.groupby(doc.split("\n\n"), lambda b: b.startswith("    "))
    parts = []
    for is_code, texts in blocks:
        text = "\n\n".join(texts)
        if is_code:
            text = f"```text\n{textwrap.dedent(text)}\n```"
        parts.append(text.removesuffix("::") + (":" if text.endswith("::") else ""))
    return "\n\n".join(parts)


def page() -> str:
    parts = []
    for title, things in NAMES.items():
        parts += [f"## {title}", *(text for each in things for text in entries(each))]
    return "\n\n".join(parts) + "\n"


def test_the_page_is_what_the_docstrings_say() -> None:
    text = PAGE.read_text()
    before, mark, _ = text.partition(MARK)
    assert mark
    expected = f"{before}{MARK}\n{page()}"
    if os.environ.get("SSWD_WRITE_DOCS"):
        PAGE.write_text(expected)
    assert PAGE.read_text() == expected
