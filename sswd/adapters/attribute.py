"""What is known of one attribute of a driver, and the PV it becomes. Pure."""

import re
from typing import Any, NamedTuple

from sswd.config import TEMPLATE_NAMES
from sswd.config.keys.pv import FLOATS, INTEGERS, NUMBERS
from sswd.config.pv_rules import ENUM_BYTES, ENUM_STATES, UNITS_BYTES

READ = "READ"
"""The PV that reads another one once."""
_SHORT = 200  # characters of a description


class Attribute(NamedTuple):
    """One attribute: a property, a parameter, a query; or a method of no arguments."""

    name: str
    """As Python writes it, below the driver: "voltage", "ch_1.voltage"."""
    type: str = "float"
    """As in the configuration; "action" for a method."""
    is_guess: bool = True
    """Whether nothing in the driver says which type it is."""
    readable: bool = True
    writable: bool = False
    units: str = ""
    limits: tuple[float, float] | None = None
    strings: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    """What the driver says and takes for each of `strings`."""
    length: int | None = None
    about: str = ""
    poll_s: float | None = None
    pv: str = ""
    """The PV's name, where it does not follow from the attribute's."""


def pv_name(attribute: Attribute) -> str:
    """The PV of an attribute that the configuration does not name."""
    if attribute.pv:
        return attribute.pv
    name = re.sub(r"\W", ":", attribute.name).upper()
    return f"{name}_" if name in {*TEMPLATE_NAMES, READ} else name


def attribute_name(pv: str) -> str:
    """The attribute of a PV of the configuration that does not name one."""
    return pv.lower().replace(":", ".")


def pv_keys(attribute: Attribute) -> dict[str, Any]:
    """The PV's keys, as in the configuration."""
    kind = attribute.type
    keys: dict[str, Any] = {"type": kind}
    if kind in NUMBERS:
        if attribute.units and len(attribute.units.encode()) <= UNITS_BYTES:
            keys["units"] = attribute.units
        if attribute.limits is not None:
            keys["limits"] = list(attribute.limits)
    if attribute.strings and kind in ("enum", "bool"):
        keys["strings"] = list(attribute.strings)
    if attribute.length is not None:
        keys["length"] = attribute.length
    if attribute.writable and kind != "action":
        keys["writable"] = True
    if attribute.about:
        keys["description"] = attribute.about[:_SHORT]
    return keys


def with_choice(attribute: Attribute, choices: tuple[Any, ...]) -> Attribute:
    """The attribute as one of these values: a bool, an enum, or as far as that goes.

    Numbers stay numbers, between the least and the greatest: the driver refuses what
    lies between its choices. What Channel Access cannot hold as an enum is a str.
    """
    if not choices:
        return attribute
    if all(isinstance(c, bool) for c in choices):
        return attribute._replace(type="bool", is_guess=False)
    if all(isinstance(c, int | float) for c in choices):
        kind = "int" if all(isinstance(c, int) for c in choices) else "float"
        kind = attribute.type if attribute.type in NUMBERS else kind
        bounded = with_limits(attribute._replace(type=kind), min(choices), max(choices))
        return bounded._replace(is_guess=False)
    strings = tuple(str(getattr(c, "name", c)) for c in choices)
    fits = all(0 < len(s.encode()) <= ENUM_BYTES for s in strings)
    if not fits or len(strings) > ENUM_STATES or len(set(strings)) < len(strings):
        return attribute._replace(type="str", is_guess=False)
    return attribute._replace(
        type="enum", strings=strings, values=tuple(choices), is_guess=False
    )


def with_limits(attribute: Attribute, low: float, high: float) -> Attribute:
    """The attribute with limits, and an integer type that holds them.

    Unchanged where they are none: an end that is no finite number, or no room.
    """
    big = 1e300
    if not (-big < low < high < big):
        return attribute
    kind = attribute.type if attribute.type in NUMBERS else "float"
    if kind in INTEGERS and kind not in FLOATS:
        least, most = INTEGERS[kind]
        if low < least or high > most:
            kind = "int64"
            least, most = INTEGERS[kind]
            low, high = max(low, least), min(high, most)
    return attribute._replace(type=kind, limits=(float(low), float(high)))
