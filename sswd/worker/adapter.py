"""One face for every kind of system: System subclasses, old classes, `run()` loops."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sswd.errors import LoadError
from sswd.pipe.worker_spec import MotorSpec
from sswd.worker.every import Every, every_of
from sswd.worker.log import log
from sswd.worker.motors import Motors
from sswd.worker.services import PutQueue, WorkerServices
from sswd.worker.system import System


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


def _as_it_is(result: Any) -> Any:
    """What a method returned, where nothing runs coroutines."""
    return result


def _to_nobody(_pv: str, _value: Any) -> None:
    """What is returned goes nowhere."""


class Adapter:
    """A constructed system and the methods of it that the worker calls."""

    def __init__(
        self,
        system: Any,
        completed: Callable[[Any], Any] = _as_it_is,
        returned: Callable[[str, Any], None] = _to_nobody,
        *,
        has_motors: bool = False,
    ) -> None:
        """`completed` has a coroutine run and gives what it returns; `returned` is told
        what the `io_execute` of a System returns for a PV. `has_motors`: commands of
        motors come, so a class that takes no other ones will do."""
        self._system = system
        self._completed = completed
        self._returned = returned
        self._is_classic = not isinstance(system, System)
        execute = self._method("io_execute")
        self._execute = execute
        self.motors: Motors | None = None
        self.loop: Callable[[], Any] | None = (
            self._method("run") if execute is None and not has_motors else None
        )
        if execute is None and self.loop is None and not has_motors:
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
        *,
        has_motors: bool = False,
    ) -> "Adapter":
        """Make the system; the queues are there before and after its `__init__`."""
        put_queue = PutQueue(services)
        given = {"io_put_queue": put_queue, "io_get_queue": io_get_queue}
        if isinstance(factory, type) and issubclass(factory, System):
            given["_services"] = services
        if type(factory).__call__ is type.__call__:
            system = factory.__new__(factory, **args)
            if isinstance(system, factory):
                _give(system, _all_given(system, given))
                system.__init__(**args)
        else:  # its metaclass has a construction of its own, which must run
            for name, value in given.items():
                with contextlib.suppress(AttributeError, TypeError):
                    setattr(factory, name, value)
            system = factory(**args)
        _give(system, _all_given(system, given))
        return cls(system, services.completed, services.returned, has_motors=has_motors)

    def add_motors(
        self, specs: Mapping[str, MotorSpec], post: Callable[[Mapping[str, Any]], None]
    ) -> Motors:
        """Serve these objects of the system, which is set up, as motors.

        Raises LoadError where that cannot be; `check` of the result looks at the
        objects.
        """
        if specs and self._execute is None and self._method("run") is not None:
            raise LoadError(
                f"{type(self._system).__name__} takes its commands in run(); motors "
                "need a class with io_execute(pv_name, value)"
            )
        self.motors = Motors(specs, self._system, self._completed, post)
        return self.motors

    def restore(self, values: dict[str, Any]) -> None:
        """Give a System its last setpoints; call `restore(values)` where there is one.

        A class may name PVs in `restored`; the instance has the values under that name.
        """
        if not self._is_classic:
            self._system.restored = dict(values)
        method = self._method("restore")
        if method is not None:
            self._completed(method(values))

    def setup(self) -> None:
        """Call `setup()`, or `init()` of older classes, where there is one."""
        method = self._method("setup") or self._method("init")
        if method is not None:
            self._completed(method())

    def execute(self, pv: str, value: Any) -> None:
        """Run one command."""
        if self.motors is not None and self.motors.has(pv):
            self.motors.execute(pv, value)
            return
        if self._execute is None:
            raise NotImplementedError(
                f"{type(self._system).__name__} has motors only: it has no "
                f"io_execute(pv_name, value) for puts to {pv}"
            )
        result = self._execute(pv, self.translate(value))
        if result is None:
            return
        result = self._completed(result)
        if not self._is_classic:  # there it never meant anything
            self._returned(pv, result)

    def translate(self, value: Any) -> Any:
        """The value as this kind of system expects it."""
        return Text(value) if self._is_classic and isinstance(value, str) else value

    def close(self) -> None:
        """Call `close()` where there is one."""
        method = self._method("close")
        if method is not None:
            self._completed(method())

    def optional(self, name: str) -> Callable[[], Any] | None:
        """A method of a System that sswd calls where there is one: connect, ..."""
        if self._is_classic:  # there it is the driver's own
            return None
        method = self._method(name)
        return None if method is None else self._whole(method)

    def setting(self, name: str) -> Any:
        """What the class says by an attribute; None: nothing."""
        return None if self._is_classic else getattr(self._system, name, None)

    @property
    def abort(self) -> Callable[[], None] | None:
        """The system's `abort`, to be called from another thread."""
        method = self._method("abort")
        if method is None:
            return None

        def abort() -> None:
            try:
                self._completed(method())
            except Exception:  # noqa: BLE001 (firewall around user code)
                log.exception("abort() raised; the abort goes on with its next step")

        return abort

    def periodics(self) -> Iterator[tuple[str, Callable[[], Any], Every]]:
        """The methods marked with `@every`: name, what to call, when and how."""
        for name, function in inspect.getmembers(type(self._system), callable):
            marked = every_of(function)
            if marked is not None:
                yield name, self._whole(getattr(self._system, name)), marked

    def _whole(self, method: Callable[[], Any]) -> Callable[[], Any]:
        def call() -> Any:
            return self._completed(method())

        return call

    def on_inputs(self, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """(name, function without arguments) of each `on_input_<name>` method."""
        for name in inputs:
            method = self._method(f"on_input_{name}")
            if method is not None:
                yield name, self._whole(_with_newest(method, inputs, name))

    def _method(self, name: str) -> Callable[..., Any] | None:
        method = getattr(self._system, name, None)
        return method if callable(method) else None


def _all_given(system: object, given: dict[str, Any]) -> dict[str, Any]:
    """What this system gets: one that is no System knows the IOC object, too."""
    if isinstance(system, System):
        return given
    server = OldServer(system, given["io_put_queue"], given["io_get_queue"])
    return {**given, "io": server}


def _with_newest(
    method: Callable[[Any], Any], inputs: Mapping[str, Any], name: str
) -> Callable[[], Any]:
    return lambda: method(inputs[name])


def _give(system: object, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        try:
            setattr(system, name, value)
        except AttributeError as ex:
            raise LoadError(
                f"{type(system).__name__} does not take the attribute {name!r} "
                f"({ex}); drop its __slots__"
            ) from ex
