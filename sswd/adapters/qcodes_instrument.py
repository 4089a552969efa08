"""`qcodes:module:Class`: what the parameters of a QCoDeS instrument say.

The constructor makes them, and connects, so nothing is known before. Parameters of
submodules and channels are "channel.parameter".
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sswd.adapters.attribute import Attribute, with_choice, with_limits
from sswd.adapters.docstrings import first_line
from sswd.adapters.driver import Driver, ObjectDriver
from sswd.worker.loader import load_class

_SKIPPED = ("timeout",)
_DEPTH = 3
_INTS = 2**53
_Validator = Callable[[Attribute, Any], Attribute]


class QcodesClass:
    """A class derived from QCoDeS' Instrument."""

    serves_all = False
    ping = ""

    def __init__(self, target: str, folder: str, system: str) -> None:
        """Import it. `system`: its name, unless the arguments have one."""
        self.factory: Callable[..., Any] = load_class(target, folder)
        self.name = self.factory.__name__
        self.about = first_line(inspect.getdoc(self.factory))
        self._system = system

    def attributes(self) -> Sequence[Attribute] | None:
        return None

    def driver(self, args: dict[str, Any]) -> Driver:
        named = {"name": self._system.replace("-", "_"), **args}
        return QcodesDriver(self.factory, named, _all, _release)


class QcodesDriver(ObjectDriver):
    """Parameters are read by `get()`, and written by `set(value)`."""

    def read(self, name: str) -> Any:
        found = super().read(name)
        return found.get() if hasattr(found, "gettable") else found

    def write(self, name: str, value: Any) -> None:
        super().read(name).set(value)

    def connect(self) -> None:
        self._object = self._factory(**self._args)


def _release(instrument: Any) -> None:
    instrument.close()


def _all(instrument: Any) -> list[Attribute]:
    return list(attributes_of(instrument))


def attributes_of(module: Any, prefix: str = "", depth: int = 0) -> Iterator[Attribute]:
    """Parameters of an instrument or of a part of it."""
    for name, parameter in module.parameters.items():
        if name not in _SKIPPED and not hasattr(parameter, "setpoint_names"):
            yield _of_parameter(prefix + name, parameter)
    if depth == _DEPTH:
        return
    for name, part in module.submodules.items():
        if hasattr(part, "parameters") and hasattr(part, "submodules"):
            yield from attributes_of(part, f"{prefix}{name}.", depth + 1)


def _of_parameter(name: str, parameter: Any) -> Attribute:
    label = str(getattr(parameter, "label", "") or "")
    found = Attribute(
        name,
        readable=bool(parameter.gettable),
        writable=bool(parameter.settable),
        units=str(getattr(parameter, "unit", "") or ""),
        about=label,
    )
    if name == "IDN":
        return found._replace(type="text", is_guess=False, about="Identification")
    mapping = getattr(parameter, "val_mapping", None)
    if isinstance(mapping, Mapping) and mapping:
        return with_choice(found, tuple(mapping))
    return _by_validator(found, getattr(parameter, "vals", None))


def _by_validator(found: Attribute, validator: Any) -> Attribute:
    """What the validator says; by name, so that QCoDeS need not be imported."""
    for base in type(validator).__mro__:
        if reads := _VALIDATORS.get(base.__name__):
            return reads(found, validator)
    return found


def _numbers(found: Attribute, validator: Any) -> Attribute:
    low, high = _ends(validator)
    return with_limits(found._replace(type="float", is_guess=False), low, high)


def _ints(found: Attribute, validator: Any) -> Attribute:
    low, high = _ends(validator)
    found = found._replace(type="int", is_guess=False)
    return found if high - low >= _INTS else with_limits(found, low, high)


def _ends(validator: Any) -> tuple[float, float]:
    low = getattr(validator, "_min_value", -math.inf)
    high = getattr(validator, "_max_value", math.inf)
    return low, high


def _enum(found: Attribute, validator: Any) -> Attribute:
    values = [v for v in validator.valid_values if v is not None]
    declared = getattr(validator, "_values", values)
    order = declared if isinstance(declared, Sequence) else sorted(values, key=str)
    return with_choice(found, tuple(v for v in order if v is not None))


def _several(found: Attribute, validator: Any) -> Attribute:
    """The first of several validators that says more than nothing."""
    for one in getattr(validator, "_validators", ()):
        better = _by_validator(found, one)
        if not better.is_guess:
            return better
    return found


def _array(found: Attribute, validator: Any) -> Attribute:
    shape = validator.shape or ()
    length = math.prod(int(n) for n in shape) if shape else 0
    return found._replace(length=max(length, 1), is_guess=not length)


_VALIDATORS: dict[str, _Validator] = {
    "Numbers": _numbers,
    "PermissiveMultiples": lambda found, _: found._replace(is_guess=False),
    "Ints": _ints,
    "Bool": lambda found, _: found._replace(type="bool", is_guess=False),
    "OnOff": lambda found, _: with_choice(found, ("off", "on")),
    "Enum": _enum,
    "Strings": lambda found, _: found._replace(type="str", is_guess=False),
    "MultiType": _several,
    "MultiTypeOr": _several,
    "Arrays": _array,
}
