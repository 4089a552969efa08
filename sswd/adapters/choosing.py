"""Which attributes of a driver are PVs, and how. Pure."""

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sswd.adapters.attribute import Attribute, attribute_name, pv_name
from sswd.errors import LoadError
from sswd.pipe.motor import ATTRIBUTES
from sswd.pipe.worker_spec import WorkerSpec, WrappedPv


class Served(NamedTuple):
    """One PV of a wrapped driver."""

    attribute: Attribute
    type: str
    strings: tuple[str, ...]
    is_array: bool
    posted: str
    """The PV that a reading is posted to: the readback, where it has one."""
    poll_s: float | None
    """None: never read; 0: read once after each connect."""


def choose(
    named: Mapping[str, WrappedPv], known: Iterable[Attribute], *, serves_all: bool
) -> dict[str, Served]:
    """The PVs by name: those that the configuration names, or all if it names none.

    Actions are served when they are named only. Raises LoadError for a name that the
    driver does not know.
    """
    by_name = {attribute.name: attribute for attribute in known}
    found = {}
    if serves_all or not named:
        for attribute in by_name.values():
            if serves_all or attribute.type != "action":
                found[pv_name(attribute)] = _served(pv_name(attribute), attribute, None)
    for pv, keys in named.items():
        if pv in found and not keys.attribute:
            attribute = found[pv].attribute
        else:
            attribute = _known(pv, keys.attribute or attribute_name(pv), by_name)
        found[pv] = _served(pv, attribute, keys)
    return found


def but_for_motor(spec: WorkerSpec, known: Iterable[Attribute]) -> Iterable[Attribute]:
    """Without what the driver's own motor record shows, unless a PV names it."""
    if not any(motor.object == "self" for motor in spec.motors.values()):
        return known
    named = {k.attribute or attribute_name(pv) for pv, k in spec.wrapped.items()}
    return [a for a in known if a.name not in ATTRIBUTES or a.name in named]


def _known(pv: str, name: str, known: Mapping[str, Attribute]) -> Attribute:
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    mend = f"did you mean {close[0]!r}?" if close else "sswd init --wrap lists them"
    raise LoadError(f"pvs.{pv}: the driver has no attribute {name!r}; {mend}")


def _served(pv: str, attribute: Attribute, keys: WrappedPv | None) -> Served:
    if keys is None:
        return Served(
            attribute,
            attribute.type,
            attribute.strings,
            attribute.length is not None,
            pv,
            attribute.poll_s,
        )
    poll_s = attribute.poll_s if keys.poll_s is None else keys.poll_s
    if poll_s is not None and not attribute.readable:
        raise LoadError(f"pvs.{pv}.poll_s: the driver cannot read {attribute.name!r}")
    if keys.is_writable and not attribute.writable and attribute.type != "action":
        raise LoadError(f"pvs.{pv}: the driver cannot write {attribute.name!r}")
    posted = f"{pv}_RBV" if keys.has_readback else pv
    return Served(
        attribute,
        keys.type,
        tuple(keys.strings) or attribute.strings,
        keys.is_array,
        posted,
        poll_s,
    )
