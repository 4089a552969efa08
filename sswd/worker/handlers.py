"""Whether sswd can call the methods of a system as it means to. Pure: runs nothing.

A generator is never run by a call, and a method that takes other arguments fails at
the first put, perhaps at night. So both are refused when the class is loaded, with
file and line, by `sswd check` too.
"""

import functools
import inspect
import re
import types
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from sswd.worker.every import every_of


class Call(NamedTuple):
    """How sswd calls a method."""

    arguments: tuple[str, ...] = ()
    may_be_async: bool = True
    may_omit: bool = False
    """Whether it may take no arguments at all, too."""


LIFE = {
    "setup": Call(),
    "close": Call(),
    "abort": Call(may_be_async=False),
    "io_execute": Call(("pv_name", "value")),
    "run": Call(may_be_async=False),
}
"""Methods of every kind of system."""
OF_SYSTEM = {
    "connect": Call(),
    "disconnect": Call(),
    "ping": Call(),
    "restore": Call(("values",), may_be_async=False),
}
"""Methods of classes derived from System; in others these names are the driver's own.
"""
_HANDLER = Call(("value",))
_ACTION = Call(("value",), may_omit=True)


def handler_names(pv: str) -> tuple[str, str]:
    """The names under which `System.io_execute` looks for the handler of a PV."""
    name = "on_" + re.sub(r"\W", "_", pv)
    return name, name.lower()


def problems_of(
    factory: type,
    *,
    is_system: bool,
    pvs: Collection[str] = (),
    actions: Collection[str] = (),
) -> list[str]:
    """What is wrong with the methods of a class, a line each.

    `pvs` are names of PVs whose puts are forwarded, `actions` those of them whose
    handler may take no value.
    """
    calls = dict(LIFE)
    if is_system:
        calls |= OF_SYSTEM
        calls |= _handlers(factory, pvs, actions)
    found = [
        words for name, call in calls.items() for words in _wrong(factory, name, call)
    ]
    for name, function in inspect.getmembers(factory, callable):
        marked = every_of(function)
        if marked is not None:
            call = Call(may_be_async=not marked.beside_commands)
            found += _wrong(factory, name, call)
        elif is_system and name.startswith("on_") and name not in calls:
            found += _generator(factory, name)  # of a PV that is declared elsewhere
    return found


def _handlers(
    factory: type, pvs: Collection[str], actions: Collection[str]
) -> dict[str, Call]:
    """The handlers of known PVs, and of inputs."""
    found: dict[str, Call] = {}
    for pv in pvs:
        call = _ACTION if pv in actions else _HANDLER
        found |= dict.fromkeys(handler_names(pv), call)
    for name in dir(factory):
        if name.startswith("on_input_"):
            found.setdefault(name, Call(("reading",)))
    return found


def _wrong(factory: type, name: str, call: Call) -> Iterator[str]:
    function, is_bound = _function(factory, name)
    if function is None:
        return
    yield from _generator(factory, name)
    where = _where(factory, name, function)
    if not call.may_be_async and inspect.iscoroutinefunction(function):
        yield f"{where} cannot be `async def`; write it as a plain method"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    self = () if is_bound else ("self",)
    if not _binds(signature, (*self, *call.arguments)) and not (
        call.may_omit and _binds(signature, self)
    ):
        called = ", ".join(call.arguments)
        yield f"{where} takes {signature}, but sswd calls it as {name}({called})"


def _binds(signature: inspect.Signature, given: tuple[str, ...]) -> bool:
    try:
        signature.bind(*given)
    except TypeError:
        return False
    return True


def _generator(factory: type, name: str) -> Iterator[str]:
    function, _ = _function(factory, name)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        where = _where(factory, name, function)
        yield f"{where} is a generator (it has a `yield`), so a call would run nothing"


def _function(
    factory: type, name: str
) -> tuple[Callable[..., Any], bool] | tuple[None, bool]:
    """The function of a method, and whether it takes no `self`; None: no function."""
    found = inspect.getattr_static(factory, name, None)
    if isinstance(found, staticmethod):
        return found.__func__, True
    if isinstance(found, classmethod):
        return found.__func__, False
    if isinstance(found, functools.partialmethod):
        return getattr(factory, name), False
    if isinstance(found, types.MethodType | types.BuiltinFunctionType):
        return found, True  # of another object
    if inspect.isroutine(found):
        return found, False
    if callable(found) and not hasattr(type(found), "__get__"):
        return _of_object(found), True
    return None, False


def _of_object(found: Callable[..., Any]) -> Callable[..., Any]:
    """What a call of an object runs that is no function."""
    is_clear = isinstance(found, type | functools.partial)
    return found if is_clear else found.__call__  # type: ignore[operator]


def _where(factory: type, name: str, function: Callable[..., Any]) -> str:
    given = inspect.getattr_static(factory, name)
    if isinstance(given, functools.partialmethod):
        function = given.func
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(inspect.unwrap(function), "__code__", None)
    place = f"{code.co_filename}, line {code.co_firstlineno}: " if code else ""
    return f"{place}{factory.__name__}.{name}"
