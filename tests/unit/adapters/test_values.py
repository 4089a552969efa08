"""Values between a driver and its PVs."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from sswd.adapters.values import to_driver, to_pv


class Quantity(NamedTuple):
    magnitude: float


@pytest.mark.parametrize(
    ("value", "strings", "values", "expected"),
    [
        ("on", ("off", "on"), (0, 1), 1),
        ("on", ("off", "on"), (), "on"),
        (True, (), ("OFF", "ON"), "ON"),
        (1.5, (), (), 1.5),
    ],
)
def test_to_driver(value: Any, strings: tuple, values: tuple, expected: Any) -> None:
    assert to_driver(value, strings, values) == expected


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("1.5", "float", 1.5),
        (Quantity(2.5), "float", 2.5),
        ("3", "int", 3),
        (3.0, "int", 3),
        (2**53, "int64", 2**53),
        ("OFF", "bool", False),
        (1.0, "bool", True),
        (b"ab", "str", "ab"),
        ({"vendor": "QCoDeS", "model": None, "serial": "7"}, "text", "QCoDeS 7"),
    ],
)
def test_to_pv(value: Any, kind: str, expected: Any) -> None:
    posted = to_pv(value, kind, (), (), is_array=False)
    assert posted == expected
    assert type(posted) is type(expected)


def test_a_state_is_known_by_what_the_driver_says() -> None:
    assert to_pv("1", "enum", ("off", "on"), (0, 1), is_array=False) == "on"
    assert to_pv(" on ", "enum", ("off", "on"), (), is_array=False) == "on"


def test_arrays() -> None:
    assert to_pv([1, 2], "float", (), (), is_array=True).tolist() == [1, 2]
    assert to_pv(np.arange(2), "int", (), (), is_array=True).tolist() == [0, 1]
    assert to_pv(["a", 1], "str", (), (), is_array=True) == ["a", "1"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "float"),
        ("mono_8", "float"),
        ([1.0, 2.0], "float"),
        (1.5, "int"),
        ("maybe", "bool"),
        ("other", "enum"),
    ],
)
def test_what_does_not_fit_is_never_posted(value: Any, kind: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        to_pv(value, kind, ("off", "on"), (), is_array=False)
