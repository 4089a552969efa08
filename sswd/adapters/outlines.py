"""What `sswd init --wrap` is told of a driver."""

from collections.abc import Sequence
from typing import Any

from sswd.adapters.attribute import Attribute, pv_keys, pv_name
from sswd.adapters.driver import Source
from sswd.pipe.outline import Outline, OutlinePv
from sswd.worker.outline import arguments_of, moves

MOST = 1000
"""PVs of an outline."""


def outline_of(source: Source, args: dict[str, Any]) -> Outline:
    """The outline of a driver, which is connected if that is the only way to know and
    arguments are given."""
    known = source.attributes()
    if known is None:
        known = _connected(source, args) if args else ()
    pvs = [_pv(attribute) for attribute in known[:MOST]]
    factory = source.factory
    arguments = arguments_of(factory) if isinstance(factory, type) else ()
    return Outline(
        source.about, list(arguments), pvs, source.ping, moves=moves(factory)
    )


def _connected(source: Source, args: dict[str, Any]) -> Sequence[Attribute]:
    driver = source.driver(args)
    try:
        driver.connect()
        return driver.attributes()
    finally:
        driver.disconnect()


def _pv(attribute: Attribute) -> OutlinePv:
    keys = pv_keys(attribute)  # what Channel Access can hold of it
    return OutlinePv(
        pv_name(attribute),
        attribute.type,
        attribute.is_guess,
        attribute.writable,
        list(attribute.strings),
        about=attribute.about,
        attribute=attribute.name,
        readable=attribute.readable,
        units=keys.get("units", ""),
        limits=attribute.limits if "limits" in keys else None,
        length=attribute.length,
    )
