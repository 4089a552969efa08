"""Signatures of functions and verbs, as plain data that fits in a message.

A verb is a method of a system that a command text may call. Its signature is taken
from the method in the worker, travels with ``Loaded`` and is checked against in the
IOC (preview) and in the worker (execution) by the same code.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from sswd.sequence.errors import VerbError
from sswd.sequence.points import Point

TYPES = ("float", "int", "bool", "str", "none", "list", "array", "point", "choice")
"""What a parameter may take, besides "any"."""

_PLAIN: dict[object, str] = {
    float: "float",
    int: "int",
    bool: "bool",
    str: "str",
    type(None): "none",
    Point: "point",
    list: "list",
    tuple: "list",
    Sequence: "list",
    np.ndarray: "array",
    typing.Any: "any",
    object: "any",
    inspect.Parameter.empty: "any",
}
_SHOWN_DEFAULT = 40
_SHOWN_TYPES = {
    "any": "",
    "none": "None",
    "list": "series",
    "array": "series",
    "point": "float",
}


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a verb.

    ``types`` are names from ``TYPES`` or "any", tried in this order; ``default`` is
    text for people (the method itself applies its default); ``choices`` belong to the
    type "choice".
    """

    name: str
    types: tuple[str, ...] = ("any",)
    required: bool = True
    default: str = ""
    keyword_only: bool = False
    choices: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        """Return it as Python would write it: ``speed: float = 0.1``."""
        kinds = [_SHOWN_TYPES.get(k, k) for k in self.types if k != "choice"]
        kinds = [kind for kind in dict.fromkeys(kinds) if kind]
        kinds += [ascii(choice) for choice in self.choices]
        hint = f": {' | '.join(kinds)}" if kinds else ""
        equals = " = " if hint else "="
        return f"{self.name}{hint}{'' if self.required else equals + self.default}"


class VerbSignature(msgspec.Struct, frozen=True):
    """What a command text may call, and with what.

    ``duration_s`` is the time one call takes, in s, if its author told it.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    summary: str = ""
    duration_s: float | None = None

    def __str__(self) -> str:
        """Return it as Python would write it: ``flow(position: float)``."""
        shown: list[str] = []
        for parameter in self.parameters:
            if parameter.keyword_only and "*" not in shown:
                shown.append("*")
            shown.append(str(parameter))
        return f"{self.name}({', '.join(shown)})"


def signature_of(
    function: Callable[..., object],
    *,
    name: str = "",
    skip: int = 0,
    duration_s: float | None = None,
) -> VerbSignature:
    """Return the signature of ``function``; raise ``VerbError`` if it cannot be called.

    A first parameter named ``self`` is left out, as are ``skip`` more. Hints may be
    float, int, bool, str, None, list, Sequence, numpy arrays, ``Literal`` of texts or
    integers, unions of these, or absent (then any value of the language is taken).
    """
    name = name or function.__name__
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError, SyntaxError) as exc:
        raise VerbError(
            f"verb {name!r}: its type hints cannot be resolved ({exc}); "
            "import the names they use at module level"
        ) from exc
    found = list(inspect.signature(function).parameters.values())
    if found and found[0].name == "self":
        del found[0]
    parameters = tuple(
        _parameter(name, p, hints.get(p.name, inspect.Parameter.empty))
        for p in found[skip:]
    )
    summary = (inspect.getdoc(function) or "").partition("\n")[0]
    return VerbSignature(name, parameters, summary, duration_s)


def to_plain(signatures: Iterable[VerbSignature]) -> list[dict[str, object]]:
    """Return signatures as plain data for a message."""
    return [msgspec.to_builtins(signature) for signature in signatures]


def from_plain(data: object) -> tuple[VerbSignature, ...]:
    """Return the signatures that plain data mean; raise ``VerbError`` if none."""
    try:
        return msgspec.convert(data, tuple[VerbSignature, ...])
    except msgspec.ValidationError as exc:
        raise VerbError(f"these are no signatures of verbs: {exc}") from None


def _parameter(verb: str, found: inspect.Parameter, hint: object) -> Parameter:
    """Return one parameter as data."""
    if found.kind not in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY):
        raise VerbError(
            f"verb {verb!r}: parameter {str(found)!r} cannot be given by name; "
            "give each parameter a name of its own, without * and /"
        )
    kinds, choices = _types_of(hint)
    if kinds is None:
        raise VerbError(
            f"verb {verb!r}: the hint {hint} of {found.name!r} is not supported; "
            "use float, int, bool, str, list[float], a numpy array, Literal or None"
        )
    required = found.default is found.empty
    default = "" if required else ascii(found.default)[:_SHOWN_DEFAULT]
    keyword_only = found.kind is found.KEYWORD_ONLY
    return Parameter(found.name, kinds, required, default, keyword_only, choices)


def _types_of(hint: object) -> tuple[tuple[str, ...] | None, tuple[str | int, ...]]:
    """Return the type names and choices of a hint; ``None`` if not supported."""
    try:
        plain = _PLAIN.get(hint)
    except TypeError:  # a hint that cannot be hashed
        return None, ()
    if plain is not None:
        return (plain,), ()
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (np.ndarray, npt.NDArray):  # an alias with a name from numpy 2.5 on
        return ("array",), ()
    if origin in (list, tuple, Sequence) and arguments[0] in (float, typing.Any):
        return ("list",), ()
    if origin is typing.Literal:
        known = all(isinstance(a, str | int) for a in arguments)
        return (("choice",) if known else None), arguments
    if origin in (typing.Union, types.UnionType):
        return _union(arguments)
    return None, ()


def _union(
    members: tuple[object, ...],
) -> tuple[tuple[str, ...] | None, tuple[str | int, ...]]:
    """Return the type names of all members, in order."""
    names: list[str] = []
    choices: list[str | int] = []
    for member in members:
        kinds, some = _types_of(member)
        if kinds is None:
            return None, ()
        names += kinds
        choices += some
    return tuple(dict.fromkeys(names)), tuple(choices)
