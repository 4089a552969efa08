"""Which PVs a PV brings along, and the shape of an image."""

from typing import Any

import numpy as np
import pytest

from sswd.config import from_dict
from sswd.config.companions import image_shape, with_companions
from sswd.config.keys import PvConfig
from sswd.errors import ConfigError


def pvs_of(**pvs: Any) -> dict[str, PvConfig]:
    table = {"system": {"s": {"target": "a:B", "pvs": pvs}}}
    return from_dict(table, "test").system["s"].pvs


def test_a_readback_is_like_its_setpoint_but_read_only_and_grows_old() -> None:
    keys = {"type": "float", "writable": True, "readback": True, "stale_s": 2.0}
    found = with_companions(pvs_of(X={**keys, "pending": "latest", "hihi": 3.0}))
    setpoint, readback = found["X"], found["X_RBV"]
    assert (setpoint.stale_s, readback.stale_s) == (0.0, 2.0)
    assert (setpoint.takes_puts, readback.takes_puts) == (True, False)
    assert readback.hihi == 3.0


def test_an_image_has_three() -> None:
    found = with_companions(pvs_of(X={"type": "uint16", "shape": [3, 4]}))
    assert list(found) == ["X", "X:WIDTH", "X:HEIGHT", "X:DTYPE"]
    assert [pv.value for pv in found.values()][1:] == [4, 3, "uint16"]
    assert found["X"].capacity == 12


def test_what_is_declared_by_itself_stays() -> None:
    keys = {"type": "int", "writable": True, "readback": True}
    found = with_companions(pvs_of(X=keys, X_RBV={"type": "float"}))
    assert found["X_RBV"].type == "float"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 5), (2, 5)), ((12,), (3, 4)), ((7,), (1, 7)), ((2, 5, 3), (2, 15))],
)
def test_the_shape_of_an_image(
    shape: tuple[int, ...], expected: tuple[int, int]
) -> None:
    assert image_shape(np.zeros(shape), (3, 4)) == expected


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"type": "int", "readback": True}, "readback: only a writable PV"),
        ({"type": "action", "value": 1}, "an action reads back 0"),
        ({"type": "action", "length": 2}, "length: a PV of type action has none"),
        ({"type": "str", "shape": [1, 2]}, "shape: a PV of type str has none"),
        (
            {"type": "int", "shape": [2, 3], "length": 5},
            "shape: 6 elements, and length",
        ),
        ({"type": "int", "shape": [2**20, 2**20]}, "an array has at most"),
        ({"type": "uint16", "value": -1}, "-1 is no uint16"),
        ({"type": "int64", "value": 2**53 + 1}, "is no int64"),
        ({"type": "int", "aliases": ["a b"]}, "a PV name cannot hold ' '"),
        ({"type": "int", "aliases": ["X"]}, "is also the name of"),
    ],
)
def test_a_mistake(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")):
        pvs_of(X=keys)
