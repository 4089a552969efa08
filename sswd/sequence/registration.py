"""How the methods of a system become verbs of its command language."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from sswd.sequence.errors import VerbError
from sswd.sequence.functions import RESERVED
from sswd.sequence.verbs import VerbSignature, signature_of

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "_sswd_verb"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    duration_s: float | None


@overload
def verb(function: F, /) -> F: ...


@overload
def verb(*, name: str = "", duration_s: float | None = None) -> Callable[[F], F]: ...


def verb(
    function: F | None = None, /, *, name: str = "", duration_s: float | None = None
) -> F | Callable[[F], F]:
    """Mark a method as a verb that a command text may call.

    Example::

        @verb(duration_s=2.0)
        def flow(self, position: float, speed: float = 0.1) -> None: ...

    answers to ``CMD`` texts such as ``flow(position=25, speed=0.1)``. Arguments are
    checked against the hints before the method runs. A verb that returns numbers
    loads them as the trajectory. ``name`` is another name in the language;
    ``duration_s`` the time a call takes, in s, for the preview.
    """

    def mark(method: F) -> F:
        setattr(method, _MARK, _Mark(name or method.__name__, duration_s))
        return method

    return mark if function is None else mark(function)


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb and the name of the method that performs it."""

    signature: VerbSignature
    method: str


def verbs_of(system: type[object]) -> dict[str, Verb]:
    """Return the verbs of a class by name, inherited ones included.

    Raises ``VerbError`` if a name is taken by the language or used twice, or if a
    method's parameters cannot be given in a command. An overriding method needs
    no mark of its own; its own signature holds.
    """
    found: dict[str, Verb] = {}
    for method in dir(system):
        mark = _mark_of(system, method)
        if mark is None:
            continue
        function = getattr(system, method)
        if not callable(function):
            continue  # a subclass took the verb away
        if mark.name in RESERVED or not _NAME.fullmatch(mark.name):
            raise VerbError(
                f"{system.__name__}.{method}: {mark.name!r} cannot name a verb; it "
                "must be a plain word that the language does not use: @verb(name=...)"
            )
        if mark.name in found:
            raise VerbError(
                f"{system.__name__}: two methods for the verb {mark.name!r}, "
                f"{found[mark.name].method} and {method}; rename one"
            )
        signature = signature_of(function, name=mark.name, duration_s=mark.duration_s)
        found[mark.name] = Verb(signature, method)
    return found


def _mark_of(system: type[object], method: str) -> _Mark | None:
    """Return the nearest mark of a method along the classes it is inherited from."""
    for owner in system.__mro__:
        mark = getattr(owner.__dict__.get(method), _MARK, None)
        if isinstance(mark, _Mark):
            return mark
    return None
