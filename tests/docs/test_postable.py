"""The table of what may be posted is what happens, with every kind of value."""

import array
import ctypes
import datetime as dt
import decimal
import enum
import fractions
import re
from pathlib import Path
from typing import Any

import numpy as np
import pint
import pytest

from sswd.errors import PostRefused
from sswd.ioc.pvs.coerce import coercer
from sswd.pipe.codec import MessageEncoder, Unsendable
from sswd.pipe.plain import plain
from sswd.pipe.protocol import Post, Update
from tests.docs.test_types import channel

PAGE = (Path(__file__).parents[2] / "docs/reference/pvs.md").read_text()
SECTION = PAGE.partition("## What may be posted")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (`.+?`) \| (.+?) \|$", SECTION, re.MULTILINE)


class Color(enum.Enum):
    """A plain enum: nobody can know whether name or number is meant."""

    RED = 3


class Level(enum.IntEnum):
    """An enum that is a number."""

    HIGH = 2


class Frame:
    """As pandas' Series, xarray's DataArray and torch's Tensor hand over."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        del copy
        return (
            np.ma.asanyarray(self.values, dtype)
            if np.ma.isMA(self.values)
            else (np.asarray(self.values, dtype))
        )


class OnGpu:
    """As torch's Tensor on a device that the CPU cannot read."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("copy it to host memory first")


NAMES = {
    "np": np,
    "array": array,
    "ctypes": ctypes,
    "datetime": dt,
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "Color": Color,
    "Level": Level,
    "tensor": Frame,
    "series": Frame,
    "on_gpu": OnGpu,
    "ureg": pint.UnitRegistry(),
}


def value_of(cell: str) -> Any:
    return eval(cell.strip("`"), dict(NAMES))


def test_the_table_is_there() -> None:
    assert len(ROWS) > 40


@pytest.mark.parametrize(("cell", "becomes"), ROWS)
def test_a_row_is_true(cell: str, becomes: str) -> None:
    """It becomes what the page says, or is refused in words that name the type."""
    value = value_of(cell)
    got = plain(value)
    MessageEncoder().encode(Post([Update("x", got, 0.0)]))
    if becomes.startswith("refused"):
        assert isinstance(got, Unsendable)
        named = re.findall(r"`(.+?)`", becomes)
        assert named
        assert all(name in got.reason for name in named), got.reason
    else:
        expected = value_of(becomes)
        assert type(got) is type(expected)
        np.testing.assert_equal(got, expected)
        if isinstance(expected, np.ndarray):
            assert got.dtype == expected.dtype


@pytest.mark.parametrize("kind", ["float", "int", "str", "bytes"])
@pytest.mark.parametrize("is_array", [False, True])
@pytest.mark.parametrize("cell", [cell for cell, _ in ROWS])
def test_no_value_breaks_a_pv(kind: str, is_array: bool, cell: str) -> None:
    """Put in by hand in the IOC, without the worker's conversion before."""
    coerce = coercer(channel(kind, is_array, []))
    try:
        coerce(value_of(cell))
    except PostRefused as refused:
        assert "Recursion" not in str(refused)


def test_no_masked_value_is_published_as_a_number() -> None:
    """What lies under a mask is not what was measured."""
    coerce = coercer(channel("float", False, []))
    assert np.isnan(coerce(plain(np.ma.masked)))
    coerce = coercer(channel("float", True, []))
    masked = np.ma.masked_array([1.0, 999.0], mask=[False, True])
    np.testing.assert_equal(coerce(masked), [1.0, np.nan])
    with pytest.raises(PostRefused, match="masked"):
        coerce(np.ma.masked_array([1, 999], mask=[False, True]))


class Masks(np.ndarray):
    """As astropy's Masked: an array with a mask that numpy knows nothing of."""

    @property
    def mask(self) -> Any:
        return np.asarray(self) > 5


def test_masks_of_other_libraries_count() -> None:
    """In an array, in an element, and in a list that numpy would take as it is."""
    array = np.array([1.0, 9.0]).view(Masks)
    np.testing.assert_equal(plain(array), [1.0, np.nan])
    np.testing.assert_equal(plain([1.0, array[1:].reshape(())]), [1.0, np.nan])
    assert array.tolist() == [1.0, 9.0]
    whole = plain(np.array([1, 9]).view(Masks))
    assert isinstance(whole, Unsendable)
    assert "1 masked" in whole.reason


class HasUnits(np.ndarray):
    """As unyt's quantities: `float()` of it is its number, without a word."""

    units = "mm"


def test_a_list_does_not_strip_units() -> None:
    got = plain([0.0, np.array(1.0).view(HasUnits)])
    assert isinstance(got, Unsendable)
    assert "units" in got.reason
