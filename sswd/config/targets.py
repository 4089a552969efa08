"""Targets that name a driver which is no system: of which kind it is. Pure."""

import re

_OBJECT = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*"
_CLASS = re.compile(_OBJECT)
_WRAPPED = re.compile(rf"(?P<kind>pymeasure|qcodes|object):{_OBJECT}|scpi:.+\.toml")


def is_class(target: str) -> bool:
    """Whether it is "package.module:Class"."""
    return bool(_CLASS.fullmatch(target))


def wrapped_kind(target: str) -> str:
    """pymeasure, qcodes, object or scpi; "" for a system of its own."""
    match = _WRAPPED.fullmatch(target)
    return "" if match is None else match["kind"] or "scpi"
