"""Whether a class can be constructed as sswd means to. Pure: constructs nothing.

For `sswd check`, which touches no hardware: what it does not find here would be found
at the first start, by the one who is called at night.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

COMMANDS = ("io_execute", "run")
"""Methods of which a system has one."""
GIVEN = ("io_put_queue", "io_get_queue")
"""Attributes that every system is given."""


def construction_problems(factory: Any, args: dict[str, Any]) -> list[str]:
    """Why `factory(**args)` cannot be a system, a line each."""
    return [*_arguments(factory, args), *_abstract(factory), *_slots(factory)]


def construction_warnings(
    factory: Any, args: dict[str, Any], *, has_motors: bool = False
) -> list[str]:
    """What may be meant, but most often is not."""
    name = factory.__name__
    found: list[str] = []
    if _is_constructed_by_metaclass(factory) and _takes_anything(factory):
        found += _unfit(factory.__init__, name, args, bound=1)
    takes_commands = any(callable(getattr(factory, m, None)) for m in COMMANDS)
    if not takes_commands and not has_motors:
        found.append(
            f"{name} has neither io_execute(pv_name, value) nor a run() loop; unless "
            "its constructor makes one, no worker will start. `sswd init --wrap "
            "object:module:Class` serves a class as it is; with move() and position, "
            '[system.NAME.motors.MOTOR] object = "self" serves it as a motor'
        )
    return found


def _arguments(factory: Any, args: dict[str, Any]) -> Iterator[str]:
    name = getattr(factory, "__name__", str(factory))
    found = [*_unfit(factory, name, args)]
    if not found and not _is_constructed_by_metaclass(factory):
        # A __new__(cls, *args, **kwargs) takes anything, and __init__ gets it next.
        init = getattr(factory, "__init__", object.__init__)
        if _takes_anything(factory) and init is not object.__init__:
            found = [*_unfit(init, name, args, bound=1)]
    yield from found


def _unfit(
    function: Callable[..., Any], name: str, args: dict[str, Any], bound: int = 0
) -> Iterator[str]:
    """`bound`: how many arguments come before `args`, which are keywords."""
    try:
        signature = inspect.signature(function)
        shown = list(signature.parameters.values())[bound:]
    except (TypeError, ValueError):
        return  # C code that does not say what it takes
    try:
        signature.bind(*[None] * bound, **args)
    except TypeError as ex:
        words = f"args do not fit {name}{signature.replace(parameters=shown)}: {ex}"
        if positional := [p.name for p in shown if _must_be_positional(p)]:
            words += (
                f"; args are keywords, so write {', '.join(positional)} without the "
                "'/' after it"
            )
        yield words


def _must_be_positional(parameter: inspect.Parameter) -> bool:
    is_needed = parameter.default is parameter.empty
    return is_needed and parameter.kind is parameter.POSITIONAL_ONLY


def _takes_anything(factory: Any) -> bool:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.kind is p.VAR_KEYWORD for p in parameters)


def _is_constructed_by_metaclass(factory: Any) -> bool:
    return type(factory).__call__ is not type.__call__


def _abstract(factory: Any) -> Iterator[str]:
    if inspect.isabstract(factory):
        methods = ", ".join(sorted(factory.__abstractmethods__))
        yield f"{factory.__name__} is abstract: nobody has written {methods}"


def _slots(factory: Any) -> Iterator[str]:
    """Its objects must take what sswd gives them."""
    if getattr(factory, "__dictoffset__", 1):
        return
    missing = [name for name in GIVEN if not hasattr(factory, name)]
    if missing:
        yield (
            f"objects of {factory.__name__} do not take the attribute {missing[0]!r}; "
            "drop its __slots__ (or its base, a tuple for one)"
        )
