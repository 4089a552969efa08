"""Which methods are refused at load, and in which words."""

import functools
from functools import partial, partialmethod
from typing import Any

import pytest

from sswd.worker.every import every
from sswd.worker.handlers import problems_of


def problems(body: dict[str, Any], **known: Any) -> list[str]:
    factory = type("Stage", (), body)
    known.setdefault("is_system", True)
    known.setdefault("pvs", ["CMD", "X", "GO"])
    return problems_of(factory, actions=["GO"], **known)


async def a0(self): ...
async def a1(self, value): ...
def f0(self): ...
def f1(self, value): ...
def f2(self, pv_name, value): ...
def rest(self, *args, **kwargs): ...
def more(self, value, speed=1.0): ...
def needs_two(self, value, speed): ...
def keyword(self, value, *, speed): ...
def generator(self, value):
    yield value


async def async_generator(self, value):
    yield value


@functools.wraps(f0)
def wrapped(*args, **kwargs):
    return f0(*args, **kwargs)


class Callable1:
    def __call__(self, value): ...


class Callable2:
    def __call__(self, pv_name, value): ...


class CallableGenerator:
    def __call__(self, value):
        yield value


OTHER = Callable1()
OBJECTS = [OTHER, OTHER.__call__, [].append, partial(f2, 0, "X"), partialmethod(f2, 1)]
BAD_OBJECTS = [Callable2(), CallableGenerator(), partial(f2, 0), partialmethod(f2)]

GOOD = {
    "setup": [f0, a0, rest, wrapped, staticmethod(lambda: None), classmethod(f0)],
    "close": [f0, a0, None, 3],
    "abort": [f0, None],
    "io_execute": [f2, rest],
    "connect": [f0, a0],
    "disconnect": [f0, a0],
    "ping": [f0, a0],
    "restore": [f1],
    "on_X": [f1, a1, more, rest, staticmethod(lambda value: None), *OBJECTS],
    "on_x": [f1],
    "on_CMD": [f1],
    "on_GO": [f0, a0, f1, a1],
    "on_input_beam": [f1, a1],
    "on_frame": [needs_two, f0],  # no PV of that name: a callback of the driver's own
    "read": [every(1.0)(lambda self: None), every(1.0)(wrapped)],
}
BAD = {
    "setup": [f1, generator],
    "close": [f1],
    "abort": [f1, a0],
    "io_execute": [f1, f0, generator],
    "connect": [f1],
    "disconnect": [f1],
    "ping": [f1],
    "restore": [f0],
    "on_X": [f0, f2, needs_two, keyword, generator, async_generator, *BAD_OBJECTS],
    "on_x": [f0],
    "on_GO": [f2, needs_two],
    "on_input_beam": [f0],
    "on_frame": [generator, async_generator],
    "read": [every(1.0)(lambda self, value: None)],
}


def cases(table):
    return [(name, what) for name, whats in table.items() for what in whats]


@pytest.mark.parametrize(("name", "what"), cases(GOOD))
def test_good(name, what):
    assert problems({name: what}) == []


@pytest.mark.parametrize(("name", "what"), cases(BAD))
def test_bad(name, what):
    found = problems({name: what})
    assert found
    assert all(f"Stage.{name} " in words for words in found), found
    assert all("test_handlers.py, line" in words for words in found), found


def test_async_beside_commands_is_refused():
    async def read(self): ...

    marked = every(1.0, beside_commands=True)(read)
    (words,) = problems({"read": marked})
    assert "cannot be `async def`" in words


def test_other_systems_may_call_what_they_like_connect():
    body = {"connect": needs_two, "ping": f1, "on_X": f0, "io_execute": f2}
    assert problems(body, is_system=False) == []
