"""The state file: a header with a checksum, then one line for each PV. Pure.

    {"sswd_state": 1, "serial": 7, "sha256": "...", "pvs": 2}
    {"pv": "VELOCITY", "stamp": 1764240000.25, "value": 1.5}
    {"pv": "TABLE", "stamp": 1764240001.5, "value": {"dtype": "float64", "list": [1.0]}}

Text that an operator can read and compare; JSON as Python writes it, so NaN and
Infinity stand for themselves. Nothing in it is executed.
"""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

VERSION = 1
READABLE = 1_000
"""Elements of an array that are written as numbers; more of them as base64."""
_DTYPES = ("float64", "float32", "int64", "int32", "int16", "uint16", "int8", "uint8")


class Saved(NamedTuple):
    """The value of one PV and when it was seen, in s since 1970."""

    value: object
    stamp_s: float


class Torn(ValueError):
    """What was read is no whole state file; the text says why."""


def encode(serial: int, values: Mapping[str, Saved]) -> bytes:
    """The file's content. `serial` counts up with each file that is written.

    A value is a float, int, bool, str, bytes, list of them, numeric array or None.
    Raises TypeError for another.
    """
    lines = [
        json.dumps({"pv": pv, "stamp": saved.stamp_s, "value": _plain(saved.value)})
        for pv, saved in values.items()
    ]
    body = "".join(f"{line}\n" for line in lines).encode()
    header = {
        "sswd_state": VERSION,
        "serial": serial,
        "sha256": hashlib.sha256(body).hexdigest(),
        "pvs": len(lines),
    }
    return json.dumps(header).encode() + b"\n" + body


def decode(content: bytes) -> tuple[int, dict[str, Saved]]:
    """The serial number and the values. Raises Torn."""
    first, _, body = content.partition(b"\n")
    try:
        header = json.loads(first)
        version, serial = int(header["sswd_state"]), int(header["serial"])
        checksum = header["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Torn("it does not begin with the header of a state file") from None
    if version != VERSION:
        raise Torn(f"its version is {version}, and this sswd reads {VERSION}")
    if hashlib.sha256(body).hexdigest() != checksum:
        raise Torn("its checksum is wrong: it is cut off, or somebody changed it")
    try:
        return serial, dict(_line(line) for line in body.splitlines())
    except (ValueError, KeyError, TypeError, RecursionError) as ex:
        raise Torn(f"a line cannot be read: {ex}") from None


def _line(line: bytes) -> tuple[str, Saved]:
    table = json.loads(line)
    return str(table["pv"]), Saved(_value(table["value"]), float(table["stamp"]))


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        if str(value.dtype) not in _DTYPES:
            raise TypeError(f"an array of {value.dtype} cannot be saved")
        head = {"dtype": str(value.dtype)}
        if value.size <= READABLE:
            return {**head, "list": value.tolist()}
        return {**head, "base64": _ascii(np.ascontiguousarray(value).tobytes())}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        return {"base64": _ascii(value)}
    return value  # json.dumps raises TypeError where it cannot


def _value(plain: object) -> object:
    if not isinstance(plain, dict):
        return plain
    if "list" in plain:
        return np.array(plain["list"], _dtype(plain))
    try:
        content = base64.b64decode(plain["base64"], validate=True)
    except binascii.Error as ex:
        raise ValueError(str(ex)) from None
    return np.frombuffer(content, _dtype(plain)) if "dtype" in plain else content


def _dtype(plain: Mapping[str, object]) -> "np.dtype[np.number]":
    if plain["dtype"] not in _DTYPES:
        raise ValueError(f"{plain['dtype']!r} is no type of an array")
    return np.dtype(str(plain["dtype"]))


def _ascii(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def is_same(one: object, other: object) -> bool:
    """Whether two values need not be told apart; NaN is the same as NaN."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other
