"""docs/how-to/troubleshooting.md: its log lines, PVs and keys are those of the code."""

import ast
import re
from pathlib import Path

import pytest

import sswd
from sswd.config import schema
from sswd.ioc.commands.command import CommandState
from sswd.ioc.supervision.lifecycle import WorkerState
from tests.docs.test_pvs import served

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/troubleshooting.md").read_text()
LINES = [
    line
    for block in re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
PLACEHOLDER = re.compile(r"%[-\d.]*[a-z]|\0")
WORDS = re.compile(r"`([A-Z][A-Z_]+(?::[A-Z_]+)?)`")


def texts() -> list[str]:
    """Every text in the code; what is put into it is a NUL."""
    found: list[str] = []
    for path in Path(sswd.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (getattr(part, "value", "\0") for part in node.values)
                found.append("".join(p if isinstance(p, str) else "\0" for p in parts))
    return [PLACEHOLDER.sub("\0", text) for text in found]


TEXTS = texts()


@pytest.mark.parametrize("line", LINES)
def test_a_log_line_is_in_the_code(line: str) -> None:
    """The end of a line may be left out."""
    fragments = [re.escape(part) for part in re.split("…", line)]
    pattern = re.compile("\0".join(fragments).replace("'\0'", "'?\0'?"))
    assert any(pattern.search(text) for text in TEXTS), line


def test_every_pv_and_state_on_the_page_exists() -> None:
    known = {name for name in served() if not name.startswith("IOC:")}
    known |= {name.removeprefix("WORKER:") for name in known}
    known |= set(served())
    known |= {state.name for state in (*CommandState, *WorkerState)}
    assert set(WORDS.findall(PAGE)) <= known | {
        "SIGTERM",
        "SIGKILL",
        "EPICS_CA_ADDR_LIST",
    }


def test_every_key_on_the_page_exists() -> None:
    keys = {
        key for part in schema()["definitions"].values() for key in part["properties"]
    }
    for name in re.findall(r"`(?:command\.)?([a-z]+_[a-z_]+)(?: = \S+)?`", PAGE):
        assert name in keys | {"stderr_logfile"}, name


def test_every_state_of_a_command_that_failed_is_explained() -> None:
    good = {"IDLE", "QUEUED", "RUNNING", "DONE"}
    for state in CommandState:
        assert state.name in good or f"| `{state.name}` |" in PAGE
    for worker in set(WorkerState) - {WorkerState.RUNNING}:
        assert f"| `{worker.name}`" in PAGE
