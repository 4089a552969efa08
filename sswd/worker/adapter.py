"""One face for every kind of system: System subclasses, old classes, `run()` loops."""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sswd.errors import LoadError
from sswd.worker.services import PutQueue, WorkerServices
from sswd.worker.system import System

log = logging.getLogger("sswd.worker")


class Text(str):
    """Text for systems of the old wrapper: `bytes(text)` gives the CHAR content."""

    __slots__ = ()

    def __bytes__(self) -> bytes:
        return self.encode("utf-8", "surrogateescape")


class OldServer:
    """The IOC object as systems of the sequence server wrapper know it.

    They read `self.io.io_put_queue` and `self.io.seq.io_put_queue`, and follow the
    cross-links `system` and `device` back to themselves. Both queues lead to the same
    place: a post's name is looked up in the template first, then in the group.
    """

    def __init__(self, system: object, put_queue: PutQueue, get_queue: object) -> None:
        self.io_put_queue = put_queue
        self.io_get_queue = get_queue
        self.system = self.device = system
        self.seq = self


class Adapter:
    """A constructed system and the methods of it that the worker calls."""

    def __init__(self, system: Any) -> None:
        self._system = system
        self._is_classic = not isinstance(system, System)
        execute = self._method("io_execute")
        self._execute = execute
        self.loop: Callable[[], Any] | None = (
            self._method("run") if execute is None else None
        )
        if execute is None and self.loop is None:
            raise LoadError(
                f"{type(system).__name__} has neither io_execute(pv_name, value) "
                "nor a run() loop; give it one of the two"
            )

    @classmethod
    def construct(
        cls,
        factory: Any,
        args: dict[str, Any],
        services: WorkerServices,
        io_get_queue: object,
    ) -> "Adapter":
        """Make the system; the queues are there before and after its `__init__`."""
        put_queue = PutQueue(services)
        system = factory.__new__(factory, **args)
        given = {"io_put_queue": put_queue, "io_get_queue": io_get_queue}
        if isinstance(system, System):
            given["_services"] = services
        else:
            given["io"] = OldServer(system, put_queue, io_get_queue)
        _give(system, given)
        system.__init__(**args)
        _give(system, given)
        return cls(system)

    def restore(self, values: dict[str, Any]) -> None:
        """Call `restore(values)` of a class that names PVs in `restored`."""
        method = self._method("restore")
        if method is not None:
            method(values)

    def setup(self) -> None:
        """Call `setup()`, or `init()` of older classes, where there is one."""
        method = self._method("setup") or self._method("init")
        if method is not None:
            method()

    def execute(self, pv: str, value: Any) -> Any:
        """Run one command; what its handler returns."""
        assert self._execute is not None
        return self._execute(pv, self.translate(value))

    def translate(self, value: Any) -> Any:
        """The value as this kind of system expects it."""
        return Text(value) if self._is_classic and isinstance(value, str) else value

    def close(self) -> None:
        """Call `close()` where there is one."""
        method = self._method("close")
        if method is not None:
            method()

    @property
    def abort(self) -> Callable[[], None] | None:
        """The system's `abort`, to be called from another thread."""
        method = self._method("abort")
        if method is None:
            return None

        def abort() -> None:
            try:
                method()
            except Exception:
                log.exception("abort() raised; the abort goes on with its next step")

        return abort

    def periodics(self) -> Iterator[tuple[Callable[[], Any], float]]:
        """The bound methods marked with `@every` and their periods in s."""
        for name, function in inspect.getmembers(type(self._system), callable):
            period_s = getattr(function, "_sswd_every_s", None)
            if period_s is not None:
                yield getattr(self._system, name), period_s

    def on_inputs(self, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """(name, function without arguments) of each `on_input_<name>` method."""
        for name in inputs:
            method = self._method(f"on_input_{name}")
            if method is not None:
                yield name, _with_newest(method, inputs, name)

    def _method(self, name: str) -> Callable[..., Any] | None:
        method = getattr(self._system, name, None)
        return method if callable(method) else None


def _with_newest(
    method: Callable[[Any], Any], inputs: Mapping[str, Any], name: str
) -> Callable[[], Any]:
    def on_input() -> None:
        method(inputs[name])

    on_input.__name__ = method.__name__
    return on_input


def _give(system: object, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        try:
            setattr(system, name, value)
        except AttributeError as ex:
            raise LoadError(
                f"{type(system).__name__} does not take the attribute {name!r} "
                f"({ex}); drop its __slots__"
            ) from ex
