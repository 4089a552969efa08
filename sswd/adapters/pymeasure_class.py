"""`pymeasure:module:Class`: what the properties of a pymeasure instrument say.

`Instrument.control`, `measurement` and `setting` make properties whose functions hold
the commands and the values as defaults of their parameters; that is read here. Nothing
is asked of the instrument: reading a property may change how it is set up.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sswd.adapters.attribute import Attribute, with_choice, with_limits
from sswd.adapters.docstrings import first_line, type_in, units_in
from sswd.adapters.driver import Driver, ObjectDriver
from sswd.adapters.plain_class import of_property
from sswd.worker.loader import load_class

_CASTS: dict[Any, str] = {int: "int", bool: "bool", str: "str"}
_BASE = re.compile(r"pymeasure\.instruments\.(instrument|channel|common_base|fakes)")
_OF_BASES = ("reset", "clear", "shutdown")
_TEXTS = ("id", "options", "complete", "status", "next_error")
"""What every instrument of pymeasure answers as text."""
_DEPTH = 3  # channels of channels


class PymeasureClass:
    """A class derived from pymeasure's Instrument."""

    serves_all = False

    def __init__(self, target: str, folder: str, system: str) -> None:
        """Import it. Raises LoadError."""
        del system
        self.factory: Callable[..., Any] = load_class(target, folder)
        self.name = self.factory.__name__
        self.about = first_line(inspect.getdoc(self.factory))
        bases = [base.__name__ for base in inspect.getmro(self.factory)]
        self.ping = "*IDN?" if "SCPIMixin" in bases else ""

    def attributes(self) -> Sequence[Attribute] | None:
        assert isinstance(self.factory, type)
        return list(attributes_of(self.factory))

    def driver(self, args: dict[str, Any]) -> Driver:
        known = self.attributes() or ()
        return ObjectDriver(self.factory, args, lambda _: known, _release)


def _release(instrument: Any) -> None:
    """Close the connection. `shutdown()` would change the instrument: not asked for."""
    instrument.adapter.close()


def attributes_of(cls: type, prefix: str = "", depth: int = 0) -> Iterator[Attribute]:
    """Properties, those of the channels, and methods without arguments."""
    for name in dir(cls):
        if name.startswith("_"):
            continue
        member = inspect.getattr_static(cls, name)
        if isinstance(member, property):
            found = _of_property(cls, name, member)
            if found.is_guess and name in _TEXTS:
                found = found._replace(type="str", is_guess=False)
            yield found._replace(name=prefix + name)
        elif inspect.isfunction(member):
            if (name in _OF_BASES or not _is_of_base(cls, name)) and _is_action(member):
                about = first_line(inspect.getdoc(member))
                yield Attribute(
                    prefix + name, "action", False, readable=False, about=about
                )
        elif depth < _DEPTH:
            for path, channel in _channels(name, member):
                yield from attributes_of(channel, f"{prefix}{path}.", depth + 1)


def _of_property(cls: type, name: str, member: property) -> Attribute:
    reads, writes = _defaults(member.fget), _defaults(member.fset)
    plain = of_property(name, member)
    if "get_command" not in reads:
        return plain if plain.type != "float" or not plain.is_guess else _by_doc(plain)
    about = first_line(inspect.getdoc(member.fget))
    found = plain._replace(
        readable=reads["get_command"] is not None,
        writable=writes.get("set_command") is not None,
        units=units_in(inspect.getdoc(member.fget)),
        about=about,
    )
    found = _by_command(_by_doc(found), member, writes.get("set_command"))

    def setting(key: str) -> Any:  # of a dynamic property, also in the class
        return getattr(cls, f"{name}_{key}", writes.get(key, reads.get(key)))

    values = setting("values")
    if setting("map_values"):
        choices = values.keys() if isinstance(values, Mapping) else values
        choices = tuple(choices)
        return with_choice(found._replace(type=""), choices) if choices else found
    return _by_validator(found, setting("validator"), values)


def _by_doc(found: Attribute) -> Attribute:
    kind = type_in(found.about)
    return found._replace(type=kind, is_guess=False) if kind else found


def _by_command(found: Attribute, member: property, command: Any) -> Attribute:
    """What `cast`, and the format of the command, say of the type."""
    assert member.fget is not None
    cast = inspect.getclosurevars(member.fget).nonlocals.get("cast")
    kind = _CASTS.get(cast, "")
    if not kind and isinstance(command, str):
        if re.search(r"%\d*[di]", command):
            kind = "" if found.type == "bool" else "int"
        elif re.search(r"%[-+ #\d.]*[efgEFG]", command):
            kind = "float"
    return found._replace(type=kind, is_guess=False) if kind else found


def _by_validator(found: Attribute, validator: Any, values: Any) -> Attribute:
    name = getattr(validator, "__name__", "")
    choices = tuple(values) if isinstance(values, Sequence | set | Mapping) else ()
    if "discrete_set" in name:
        return with_choice(found, choices)
    if len(choices) >= 2 and all(_is_number(c) for c in choices):
        return with_limits(found, min(choices), max(choices))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _defaults(function: Any) -> dict[str, Any]:
    """The parameters of a getter or setter that have defaults."""
    if function is None:
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _is_of_base(cls: type, name: str) -> bool:
    """Whether a method comes from pymeasure itself, and not from the driver."""
    owner = next(base for base in cls.__mro__ if name in vars(base))
    return bool(_BASE.match(owner.__module__)) or owner.__module__.endswith("types")


def _is_action(function: Callable[..., Any]) -> bool:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return all(p.default is not p.empty for p in parameters)


def _channels(name: str, member: Any) -> Iterator[tuple[str, type]]:
    """(name, class) of what a ChannelCreator makes; its `pairs` are class and id."""
    if inspect.isclass(member) or not isinstance(pairs := _pairs(member), list):
        return
    prefix = getattr(member, "kwargs", {}).get("prefix", "ch_")
    is_one = type(member).__name__ == "ChannelCreator" and len(pairs) == 1
    for channel, number in pairs:
        if inspect.isclass(channel):
            yield (name if is_one or not prefix else f"{prefix}{number}"), channel


def _pairs(member: Any) -> object:
    found = getattr(member, "pairs", None)
    return found if found is None else list(found)
