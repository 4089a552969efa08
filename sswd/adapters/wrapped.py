"""A driver that exists, as a System: connects, polls, writes, and is connected again.

Threading model: the worker's main thread only.
"""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from sswd.adapters.attribute import READ, pv_keys
from sswd.adapters.choosing import Served, but_for_motor, choose
from sswd.adapters.driver import Driver, Source
from sswd.adapters.outlines import outline_of
from sswd.adapters.values import to_driver, to_pv
from sswd.pipe.outline import Outline
from sswd.pipe.worker_spec import WorkerSpec
from sswd.worker.every import every
from sswd.worker.link_errors import Kind, kind_of
from sswd.worker.system import System
from sswd.worker.words import words_of

_READ_PV = {
    "type": "str",
    "writable": True,
    "description": "Put the name of a PV here: it is read once",
}


class Misfit(ValueError):
    """What the driver has read is no value of the PV's type."""


class Wrapped(System):
    """Base of the classes that `wrapped_class` makes; `args` are the driver's own."""

    source: ClassVar[Source]
    spec: ClassVar[WorkerSpec]
    is_known: ClassVar[bool]
    """Whether the class's `pvs` are all that there are to be."""

    def __init__(self, **args: Any) -> None:
        self._driver: Driver = self.source.driver(args)
        self._served: dict[str, Served] = {}
        self._unreadable: set[str] = set()
        """PVs of which the log has told that they cannot be read."""

    @classmethod
    def sswd_outline(cls) -> Outline:
        """What `sswd init --wrap` writes down. Connects, if nothing is known else."""
        return outline_of(cls.source, cls.spec.args)

    @property
    def wrapped_driver(self) -> Any:
        """Where motors are looked for; None: nothing is connected."""
        return self._driver.held

    def connect(self) -> None:
        self._driver.connect()

    def disconnect(self) -> None:
        self._driver.disconnect()

    def close(self) -> None:
        self._driver.disconnect()

    def setup(self) -> None:
        """Declare what is known only now, and read what is to be read at once."""
        self._served = choose(
            self.spec.wrapped,
            but_for_motor(self.spec, self._driver.attributes()),
            serves_all=self.source.serves_all,
        )
        if not self.is_known:
            self.declare({pv: pv_keys(s.attribute) for pv, s in self._served.items()})
        for pv, served in self._served.items():
            if served.poll_s is not None:
                self._read_first(pv)

    def io_execute(self, pv_name: str, value: Any) -> Any:
        """Write an attribute, call a method, or read one PV."""
        served = self._served.get(pv_name)
        if served is None and pv_name == READ:
            self.read(str(value))
            return
        if served is None:
            raise NotImplementedError(f"the driver has nothing for puts to {pv_name}")
        name = served.attribute.name
        if served.type == "action":
            self._driver.call(name)
            return
        values = served.attribute.values
        self._driver.write(name, to_driver(value, served.strings, values))
        if served.poll_s is not None:
            self.read(pv_name)

    def read(self, pv: str) -> None:
        """Read the attribute of a PV and post it. Raises what the driver raises."""
        served = self._served.get(pv)
        if served is None or not served.attribute.readable:
            raise ValueError(f"the driver has nothing to read for the PV {pv!r}")
        found = self._driver.read(served.attribute.name)
        try:
            value = to_pv(
                found,
                served.type,
                served.strings,
                served.attribute.values,
                served.is_array,
            )
        except (ValueError, TypeError, OverflowError) as ex:
            raise Misfit(words_of(ex)) from ex
        self._unreadable.discard(pv)
        self.io_put(served.posted, value)

    def poll(self, pv: str) -> None:
        """Read it as `read` does; a value of another type is no failure of the link,
        and connecting again would not mend it."""
        try:
            self.read(pv)
        except Misfit as ex:
            self._tell_unreadable(pv, ex)

    def _read_first(self, pv: str) -> None:
        """One attribute that cannot be read shall not keep the others away."""
        try:
            self.read(pv)
        except Exception as ex:
            if kind_of(ex) is not Kind.OTHER:
                raise
            self._tell_unreadable(pv, ex)

    def _tell_unreadable(self, pv: str, ex: Exception) -> None:
        self.alarm(self._served[pv].posted, "INVALID", "READ", words_of(ex))
        if pv not in self._unreadable:
            self._unreadable.add(pv)
            self.log.error("%s cannot be read: %s", pv, words_of(ex))


def wrapped_class(source: Source, spec: WorkerSpec) -> type[Wrapped]:
    """The System class of a driver. Raises LoadError for PVs that it cannot serve."""
    known = source.attributes()
    polled = {pv: keys.poll_s for pv, keys in spec.wrapped.items()}
    posted = {pv: f"{pv}_RBV" for pv, keys in spec.wrapped.items() if keys.has_readback}
    pvs: dict[str, dict[str, Any]] = {}
    if known is not None:
        chosen = choose(
            spec.wrapped,
            but_for_motor(spec, known),
            serves_all=source.serves_all,
        )
        polled |= {pv: served.poll_s for pv, served in chosen.items()}
        pvs = {
            pv: pv_keys(served.attribute)
            for pv, served in chosen.items()
            if pv not in spec.wrapped
        }
    pvs.setdefault(READ, _READ_PV)
    members: dict[str, Any] = {
        "__doc__": source.about,
        "source": source,
        "spec": spec,
        "pvs": pvs,
        "is_known": known is not None or bool(spec.wrapped),
    }
    for pv, poll_s in polled.items():
        if poll_s:
            members[f"read_{pv}"] = _poll(pv, posted.get(pv, pv), poll_s)
    if query := spec.ping or (source.ping if source.serves_all else ""):
        members["ping"] = _ping(query)
    if (signature := _signature(source)) is not None:
        members["__signature__"] = signature
    return type(source.name, (Wrapped,), members)


def _poll(pv: str, posted: str, poll_s: float) -> Callable[[Wrapped], None]:
    def read(self: Wrapped) -> None:
        self.poll(pv)

    return every(poll_s, pvs=posted)(read)


def _ping(query: str) -> Callable[[Wrapped], None]:
    """A text to be asked, or an attribute to be read."""

    def ping(self: Wrapped) -> None:
        if query.replace(".", "").isidentifier():
            self._driver.read(query)
        else:
            self._driver.ask(query)

    return ping


def _signature(source: Source) -> inspect.Signature | None:
    """What the driver's constructor takes; its name may be left out (QCoDeS)."""
    try:
        signature = inspect.signature(source.factory)
    except (TypeError, ValueError):
        return None
    parameters = [
        p.replace(default=None) if p.name == "name" and p.default is p.empty else p
        for p in signature.parameters.values()
    ]
    try:
        return signature.replace(parameters=parameters)
    except ValueError:  # others without a default come after it
        keyword = inspect.Parameter.KEYWORD_ONLY
        only = [p.replace(kind=keyword) if _is_plain(p) else p for p in parameters]
        return signature.replace(parameters=only)


def _is_plain(parameter: inspect.Parameter) -> bool:
    return parameter.kind is parameter.POSITIONAL_OR_KEYWORD
