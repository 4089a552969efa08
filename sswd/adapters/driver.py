"""What wrapped.py needs of a driver, whatever kind it is of."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sswd.adapters.attribute import Attribute


class Driver(Protocol):
    """One connection to an instrument. What fails raises what the library raises."""

    @property
    def held(self) -> Any:
        """The object of the library, or of the user; None: there is none now."""

    def connect(self) -> None: ...
    def disconnect(self) -> None:
        """Let the connection go, also where `connect` has failed."""

    def attributes(self) -> Sequence[Attribute]:
        """All that it has, now that it is connected."""

    def read(self, name: str) -> Any: ...
    def write(self, name: str, value: Any) -> None: ...
    def call(self, name: str) -> Any: ...
    def ask(self, query: str) -> Any:
        """Send a text of the instrument's own language, and return the answer."""


class Source(Protocol):
    """What a target names, imported and not yet connected."""

    serves_all: bool
    """Whether all attributes are PVs, though the configuration names some of them."""
    ping: str
    """What to ask an instrument of this kind whether it is there; "": unknown."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def factory(self) -> Callable[..., Any]:
        """What the arguments of the configuration are for."""

    def attributes(self) -> Sequence[Attribute] | None:
        """All that is known without a connection; None: nothing."""

    def driver(self, args: dict[str, Any]) -> Driver: ...


class ObjectDriver:
    """A Python object whose attributes are read and written."""

    def __init__(
        self,
        factory: Callable[..., Any],
        args: dict[str, Any],
        attributes: Callable[[Any], Sequence[Attribute]],
        release: Callable[[Any], None],
    ) -> None:
        """`release` lets the connection of an object go."""
        self._factory = factory
        self._args = args
        self._attributes = attributes
        self._release = release
        self._object: Any = None

    @property
    def held(self) -> Any:
        return self._object

    def connect(self) -> None:
        self._object = self._factory(**self._args)
        connect = getattr(self._object, "connect", None)
        if callable(connect) and not inspect.signature(connect).parameters:
            connect()

    def disconnect(self) -> None:
        held, self._object = self._object, None
        if held is not None:
            self._release(held)

    def attributes(self) -> Sequence[Attribute]:
        return self._attributes(self._object)

    def read(self, name: str) -> Any:
        return functools.reduce(getattr, name.split("."), self._object)

    def write(self, name: str, value: Any) -> None:
        owner, _, last = name.rpartition(".")
        setattr(self.read(owner) if owner else self._object, last, value)

    def call(self, name: str) -> Any:
        return self.read(name)()

    def ask(self, query: str) -> Any:
        return self._object.ask(query)
