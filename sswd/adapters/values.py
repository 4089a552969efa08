"""Values between a driver and its PVs. Pure.

Each conversion raises where the value is none of its type: in a put that fails the
command, in a poll it marks the PV INVALID/READ. A wrong value is never posted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sswd.config.keys.pv import FLOATS, INTEGERS


def to_driver(value: Any, strings: Sequence[str], values: Sequence[Any]) -> Any:
    """What the driver takes for a value that was put to the PV.

    A state becomes the value at its place, when the driver has as many.
    """
    if isinstance(value, bool) and len(values) == 2:
        return values[value]
    if isinstance(value, str) and len(strings) == len(values) and value in strings:
        return values[strings.index(value)]
    return value


def to_pv(
    value: Any, kind: str, strings: Sequence[str], values: Sequence[Any], is_array: bool
) -> Any:
    """What is posted of a value that the driver has read. Raises ValueError."""
    if value is None:
        raise ValueError("the driver read None")
    value = getattr(value, "magnitude", value)  # of a quantity with a unit
    if is_array:
        return np.asarray(value) if kind != "str" else [str(v) for v in value]
    if kind == "enum":
        return _state(value, strings, values)
    if kind == "bool":
        return _truth(value, values)
    if kind in FLOATS:
        return float(value)
    if kind in INTEGERS:
        return _integer(value)
    return _text(value) if kind in ("str", "text") else value


def _state(value: Any, strings: Sequence[str], values: Sequence[Any]) -> str:
    if len(strings) == len(values):
        for string, known in zip(strings, values, strict=True):
            if known == value or str(known) == str(value):
                return string
    text = str(value).strip()
    if text in strings:
        return text
    raise ValueError(f"the driver read {text!r}, which is none of {list(strings)}")


def _truth(value: Any, values: Sequence[Any]) -> bool:
    if len(values) == 2:
        for truth, known in enumerate(values):
            if known == value or str(known) == str(value):
                return bool(truth)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("1", "on", "true", "yes"):
            return True
        if word in ("0", "off", "false", "no"):
            return False
        raise ValueError(f"the driver read {value!r}, which is neither on nor off")
    return bool(value)


def _integer(value: Any) -> int:
    number = float(value)
    if number != int(number):
        raise ValueError(f"the driver read {value!r}, which is no whole number")
    return int(value) if isinstance(value, int) else int(number)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):  # an identification in parts
        return " ".join(str(v) for v in value.values() if v)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)
