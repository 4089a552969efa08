"""The table of types, on the page of PVs and in System.io_execute, is what happens.

Each example in it is put through the IOC's conversion, the pipe and the worker's side.
"""

import asyncio
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from caproto import SkipWrite

from sswd import System
from sswd.config import from_dict
from sswd.config.keys import PvType
from sswd.errors import PostRefused
from sswd.ioc.pvs.coerce import coercer
from sswd.ioc.pvs.declared import declare
from sswd.pipe.codec import MessageDecoder, sendable
from sswd.pipe.framing import FrameReader, FrameWriter
from sswd.pipe.protocol import Down, Execute, Post, Up, Update
from sswd.worker.adapter import Adapter
from sswd.worker.freeze import freeze

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/pvs.md").read_text()
ROW = re.compile(
    r"^\| (\w+)(, `length`)? \| ([\w ]+) \| (`.+`)? ?\| (`.+`) \|$", re.MULTILINE
)
ROWS = ROW.findall(PAGE)
SIZED = ("float32", "int64", "int16", "uint16", "int8", "uint8")
ARRAYS = ("float", "int", "str", *SIZED)
CAPACITY = {"text": 100, "bytes": 8}
PUTS: dict[tuple[str, bool], Any] = {
    ("float", False): 1.5,
    ("int", False): 2,
    ("bool", False): "On",
    ("enum", False): "slow",
    ("str", False): "a",
    ("text", False): "a",
    ("bytes", False): b"a",
    ("float", True): [1.0, 2.5],
    ("int", True): [1, 2],
    ("str", True): ["a", "b"],
    ("action", False): "Act",
    **{(kind, False): 2 for kind in SIZED},
    **{(kind, True): [1, 2] for kind in SIZED},
}


class Stage(System):
    """Keeps what `on_x` got."""

    got: Any = None

    def on_x(self, value: Any) -> None:
        self.got = value


def channel(kind: str, is_array: bool, sent: list[object]) -> Any:
    """A writable PV of a type; what its putter forwards is appended to `sent`."""
    keys: dict[str, Any] = {"type": kind, "writable": True}
    if kind == "enum":
        keys["strings"] = ["off", "slow", "fast"]
    if is_array or kind in CAPACITY:
        keys["length"] = CAPACITY.get(kind, 4)
    table = {"system": {"s": {"target": "a:B", "pvs": {"X": keys}}}}

    async def forward(_name: str, value: object) -> None:
        sent.append(value)

    pvs = from_dict(table, "test").system["s"].pvs
    return declare(pvs, prefix="T:", forward=forward)["X"]


def through_the_pipe(message: Any, union: Any) -> Any:
    """The message as the other process reads it."""
    reading, writing = os.pipe()
    try:
        FrameWriter(writing).send(message)
        [arrived] = FrameReader(reading, MessageDecoder(union)).read()
    finally:
        os.close(reading)
        os.close(writing)
    return arrived


def described(value: object) -> str:
    if isinstance(value, np.ndarray):
        assert value.ndim == 1
        assert not value.flags.writeable
        return f"{value.dtype} array"
    if isinstance(value, list):
        [kind] = {type(element).__name__ for element in value}
        return f"list of {kind}"
    return type(value).__name__


def examples(cell: str) -> Iterator[Any]:
    for text in re.findall(r"`([^`]+)`", cell):
        yield eval(text, {"np": np})


def posted(data: Any, value: object) -> Any:
    """What the PV holds after `io_put`; PostRefused if it is refused."""
    arrived = through_the_pipe(Post([Update("X", freeze(value), 0.0)]), Up)
    return coercer(data)(arrived.updates[0].value)


def test_the_table_has_every_type() -> None:
    told = {(kind, bool(length)) for kind, length, *_ in ROWS}
    kinds = get_args(PvType)
    assert told == {(k, False) for k in kinds} | {(k, True) for k in ARRAYS}
    assert set(PUTS) == told


def test_the_docstring_has_the_same_table() -> None:
    text = inspect.getdoc(System.io_execute) or ""
    assert ROW.findall(text) == ROWS


@pytest.mark.parametrize(("kind", "length", "gets", "takes", "refuses"), ROWS)
def test_a_row_is_true(
    kind: str, length: str, gets: str, takes: str, refuses: str
) -> None:
    sent: list[object] = []
    data = channel(kind, bool(length), sent)
    with pytest.raises(SkipWrite):
        asyncio.run(data.verify_value(PUTS[kind, bool(length)]))
    command = through_the_pipe(Execute(1, "X", sendable(sent[0])), Down)
    stage = Stage()
    Adapter(stage, lambda result: result, lambda pv, result: None).execute(
        command.pv, command.value
    )
    assert described(stage.got) == gets
    for value in examples(takes):
        posted(data, value)
    for value in examples(refuses):
        with pytest.raises(PostRefused):
            posted(data, value)
