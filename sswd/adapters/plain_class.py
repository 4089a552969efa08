"""`object:module:Class`: any class whose attributes have types.

Properties, and attributes with an annotation, are PVs; methods without arguments are
actions. `Literal` and `enum.Enum` are enums; `Annotated[float, "mm"]` names units, two
numbers or `ge` and `le` in an annotation are limits.
"""

import contextlib
import enum
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from sswd.adapters.attribute import Attribute, with_choice, with_limits
from sswd.adapters.docstrings import first_line, units_in
from sswd.adapters.driver import Driver, ObjectDriver
from sswd.worker.loader import load_class

_TYPES: dict[Any, str] = {float: "float", int: "int", bool: "bool", str: "str"}
_LIFE = ("connect", "disconnect", "close", "ping")


class PlainClass:
    """A class of the user's."""

    serves_all = False
    ping = ""

    def __init__(self, target: str, folder: str, system: str) -> None:
        """Import it. Raises LoadError."""
        del system
        self.factory: Callable[..., Any] = load_class(target, folder)
        self.name = self.factory.__name__
        self.about = first_line(inspect.getdoc(self.factory))

    def attributes(self) -> Sequence[Attribute] | None:
        assert isinstance(self.factory, type)
        return attributes_of(self.factory)

    def driver(self, args: dict[str, Any]) -> Driver:
        known = self.attributes() or ()
        return ObjectDriver(self.factory, args, lambda _: known, release)


def release(held: Any) -> None:
    """`disconnect()` or `close()`, whichever there is."""
    for name in ("disconnect", "close"):
        if callable(method := getattr(held, name, None)):
            method()
            return


def attributes_of(cls: type) -> list[Attribute]:
    """All public attributes of a class."""
    found = {a.name: a for a in (*_annotated(cls), *_members(cls))}
    return list(found.values())


def _annotated(cls: type) -> Iterator[Attribute]:
    for name, hint in _hints(cls).items():
        if name.startswith("_") or get_origin(hint) is ClassVar or hint is ClassVar:
            continue
        yield typed(Attribute(name, writable=True), hint)


def _members(cls: type) -> Iterator[Attribute]:
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield of_property(name, member)
        elif inspect.isfunction(member) and name not in _LIFE and _takes_none(member):
            about = first_line(inspect.getdoc(member))
            yield Attribute(name, "action", is_guess=False, readable=False, about=about)


def of_property(name: str, member: property) -> Attribute:
    """What a property says by its annotation and its docstring."""
    doc = inspect.getdoc(member)
    plain = Attribute(
        name,
        readable=member.fget is not None,
        writable=member.fset is not None,
        units=units_in(doc),
        about=first_line(doc),
    )
    return typed(plain, _hints(member.fget).get("return"))


def typed(attribute: Attribute, hint: Any) -> Attribute:
    """The attribute as its annotation says."""
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        attribute = typed(attribute, hint)
        for extra in extras:
            attribute = _with_extra(attribute, extra)
        return attribute
    if get_origin(hint) is Union or type(hint).__name__ == "UnionType":
        known = [h for h in get_args(hint) if h is not type(None)]
        return typed(attribute, known[0]) if len(known) == 1 else attribute
    if get_origin(hint) is Literal:
        return with_choice(attribute, get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return with_choice(attribute, tuple(hint))
    if hint in _TYPES:
        return attribute._replace(type=_TYPES[hint], is_guess=False)
    return attribute


def _with_extra(attribute: Attribute, extra: Any) -> Attribute:
    if isinstance(extra, str):
        return attribute._replace(units=extra)
    if isinstance(extra, tuple | list) and len(extra) == 2:
        return with_limits(attribute, *extra)
    low, high = getattr(extra, "ge", None), getattr(extra, "le", None)
    if low is not None and high is not None:
        return with_limits(attribute, low, high)
    return attribute


def _takes_none(function: Callable[..., Any]) -> bool:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return all(
        p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in parameters
    )


def _hints(thing: Any) -> dict[str, Any]:
    with contextlib.suppress(Exception):  # names that exist for type checkers only
        return get_type_hints(thing, include_extras=True)
    return {}
