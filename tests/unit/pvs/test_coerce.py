"""Every type of PV against every odd value: it fits, or PostRefused says why."""

import asyncio
import math
from enum import IntEnum

import caproto
import numpy as np
import pytest
from caproto import ChannelType
from caproto.server import PVGroup, pvproperty
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sswd.config import PvConfig
from sswd.errors import PostRefused
from sswd.ioc.pvs.coerce import coercer
from sswd.ioc.pvs.declared import declare
from sswd.pipe.codec import Unsendable


async def nowhere(name: str, value: object) -> None:
    raise AssertionError("no putter runs on a post")


PVS = {
    "float": PvConfig(type="float"),
    "finite": PvConfig(type="float", finite=True),
    "int": PvConfig(type="int"),
    "bool": PvConfig(type="bool"),
    "enum": PvConfig(type="enum", strings=("off", "slow", "10")),
    "str": PvConfig(type="str"),
    "text": PvConfig(type="text", length=10_000),
    "bytes": PvConfig(type="bytes", length=10_000),
    "floats": PvConfig(type="float", length=10_000),
    "finites": PvConfig(type="float", length=10_000, finite=True),
    "ints": PvConfig(type="int", length=10_000),
    "strs": PvConfig(type="str", length=3),
    "one float": PvConfig(type="float", length=1),
    "one byte": PvConfig(type="bytes", length=1),
    "one str": PvConfig(type="str", length=1),
}


def channel(kind: str):
    return declare({"X": PVS[kind]}, prefix="P:", forward=nowhere)["X"]


def coerce(kind: str, value: object) -> object:
    return coercer(channel(kind), finite=PVS[kind].finite)(value)


def short(value: object) -> str:
    """A test id that even an int of 5000 digits survives."""
    return value[:30] if isinstance(value, str) else type(value).__name__


def same(left: object, right: object) -> bool:
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=True)
    if isinstance(left, float) and isinstance(right, float) and math.isnan(right):
        return math.isnan(left)
    return type(left) is type(right) and left == right


def f8(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def i4(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def u1(*values: int) -> np.ndarray:
    return np.array(values, np.uint8)


class Color(IntEnum):
    RED = 1


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("float", 1.5, 1.5),
        ("float", 1, 1.0),
        ("float", True, 1.0),
        ("float", NAN, NAN),
        ("float", -INF, -INF),
        ("float", np.float32(0.5), 0.5),
        ("float", np.int16(3), 3.0),
        ("float", np.array(2.5), 2.5),
        ("float", [2], 2.0),
        ("float", np.array([[2]]), 2.0),
        ("float", Color.RED, 1.0),
        ("finite", 1.5, 1.5),
        ("one float", 1.5, 1.5),
        ("one float", [1.5], 1.5),
        ("int", 1, 1),
        ("int", 1.0, 1),
        ("int", True, 1),
        ("int", -(2**31), -(2**31)),
        ("int", np.uint64(7), 7),
        ("int", Color.RED, 1),
        ("bool", True, "On"),
        ("bool", 0, "Off"),
        ("bool", "On", "On"),
        ("bool", np.bool_(True), "On"),
        ("enum", "slow", "slow"),
        ("enum", 1, "slow"),
        ("enum", 2.0, "10"),
        ("enum", "10", "10"),
        ("enum", b"off", "off"),
        ("enum", np.uint16(2), "10"),
        ("str", "text", "text"),
        ("str", 1, "1"),
        ("str", True, "1"),
        ("str", 0.5, "0.5"),
        ("str", NAN, "nan"),
        ("str", b"\xc2\xb5m", "µm"),
        ("str", b"\xb5m", "\ufffdm"),
        ("str", "", ""),
        ("str", "a\0b", "a"),
        ("str", "x" * 100, "x" * 39),
        ("str", "µ" * 20, "µ" * 19),
        ("str", "x" * 38 + "µ", "x" * 38),
        ("str", "\ud800", "?"),
        ("str", ["one"], "one"),
        ("str", np.float64(0.25), "0.25"),
        ("one str", "a", "a"),
        ("text", "µ" * 5_000, "µ" * 5_000),
        ("text", 1, "1"),
        ("text", "", ""),
        ("text", b"ab\0c", "ab"),
        ("text", u1(97, 98, 0, 99), "ab"),
        ("floats", f8(1, 2), f8(1, 2)),
        ("floats", f8(NAN, INF), f8(NAN, INF)),
        ("floats", [], f8()),
        ("floats", np.empty((0, 3)), f8()),
        ("floats", 3, f8(3)),
        ("floats", [1, 2.5, True], f8(1, 2.5, 1)),
        ("floats", [[1, 2], [3, 4]], f8(1, 2, 3, 4)),
        ("floats", np.arange(6).reshape(2, 3), f8(0, 1, 2, 3, 4, 5)),
        ("floats", np.arange(4, dtype=">f8").reshape(2, 2).T, f8(0, 2, 1, 3)),
        ("floats", np.array([True, False]), f8(1, 0)),
        ("floats", np.array([2**63], np.uint64), f8(2.0**63)),
        ("finites", f8(1, 2), f8(1, 2)),
        ("ints", [1, 2], i4(1, 2)),
        ("ints", f8(1, -2), i4(1, -2)),
        ("ints", [], i4()),
        ("ints", np.array([-(2**31), 2**31 - 1]), i4(-(2**31), 2**31 - 1)),
        ("ints", np.array([1, 2], ">i2"), i4(1, 2)),
        ("bytes", b"\1\0\0", u1(1, 0, 0)),
        ("bytes", bytearray(b"\1"), u1(1)),
        ("bytes", b"", b""),
        ("bytes", [], b""),
        ("bytes", [255, 0], u1(255, 0)),
        ("bytes", np.zeros((2, 2), np.uint8), u1(0, 0, 0, 0)),
        ("bytes", np.array([1.0, 2.0]), u1(1, 2)),
        ("bytes", np.array([1], np.int8), u1(1)),
        ("bytes", 7, u1(7)),
        ("one byte", b"\7", u1(7)),
        ("strs", ["a", "b"], ["a", "b"]),
        ("strs", "a", ["a"]),
        ("strs", [], []),
        ("strs", ["µ" * 30, 1, b"x"], ["µ" * 19, "1", "x"]),
        ("strs", np.array([1.5, 2.0]), ["1.5", "2.0"]),
        ("strs", np.array(["a", "b"]), ["a", "b"]),
    ],
    ids=short,
)
def test_what_fits(kind, value, expected):
    assert same(coerce(kind, value), expected)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        *((kind, None, "None is no value") for kind in PVS),
        *((kind, object(), "type object") for kind in PVS),
        *((kind, {"a": 1}, "type dict") for kind in PVS if kind != "strs"),
        *((kind, Unsendable("ragged list"), "not send it: ragged") for kind in PVS),
        ("float", "1.5", "'1.5' is no number, the PV holds a float"),
        ("float", b"1", "b'1' is no number"),
        ("float", [], "0 elements, the PV holds 1"),
        ("float", [1, 2], "2 elements, the PV holds 1"),
        ("float", np.zeros(3), "3 elements, the PV holds 1"),
        ("float", 10**400, "int cannot be converted"),
        ("float", 1j, "type complex"),
        ("finite", NAN, "nan is not finite, and the PV has finite = true"),
        ("finite", INF, "inf is not finite"),
        ("one float", [], "0 elements, the PV holds 1"),
        ("int", "1", "'1' is no number, the PV holds an int"),
        ("int", 1.5, "1.5 is no whole number"),
        ("int", NAN, "nan is no whole number"),
        ("int", INF, "inf is no whole number"),
        ("int", 2**31, "2147483648 is outside the PV's 32-bit int"),
        ("int", 10**5000, "an int of more than 64 bits is outside"),
        ("bool", 2, "2 is no index of the PV's 2 strings"),
        ("bool", "on", "'on' is none of 'Off', 'On'"),
        ("enum", "fast", "'fast' is none of 'off', 'slow', '10'"),
        ("enum", "x" * 99, f"'{'x' * 40}'... is none of"),
        ("enum", -1, "-1 is no index of the PV's 3 strings"),
        ("enum", 0.5, "0.5 is no index"),
        ("enum", NAN, "float cannot be converted"),
        ("str", ["a", "b"], "2 elements, the PV holds 1"),
        ("str", np.zeros(2), "2 elements, the PV holds 1"),
        ("str", 10**5000, "int cannot be converted"),
        ("text", "x" * 10_001, "10001 bytes, the PV holds 10000"),
        ("text", "µ" * 5_001, "10002 bytes, the PV holds 10000"),
        ("text", ["a", "b"], "2 elements"),
        ("floats", np.zeros(10_001), "10001 elements, the PV holds 10000"),
        ("floats", [0.0] * 10_001, "10001 elements, the PV holds 10000"),
        ("floats", np.zeros((101, 100)), "10100 elements, the PV holds 10000"),
        ("floats", "1", "'1' is no array of numbers"),
        ("floats", b"12345678", "is no array of numbers"),
        ("floats", [[1], [1, 2]], "a ragged list or one of mixed types"),
        ("floats", [1, "a"], "elements of type str"),
        ("floats", [None], "elements of type object"),
        ("floats", [2**70], "elements of type object"),
        ("floats", np.array([1j]), "elements of type complex128"),
        ("floats", np.array(["a"]), "elements of type <U1"),
        ("floats", np.array([object()]), "elements of type object"),
        ("finites", f8(1, NAN), "element 1 is nan, and the PV has finite = true"),
        ("ints", [1.5], "element 0 is 1.5, the PV holds whole numbers"),
        ("ints", f8(1, NAN), "element 1 is nan, the PV holds whole numbers"),
        ("ints", f8(INF), "elements from inf to inf"),
        ("ints", [2**31], "elements from 2147483648 to 2147483648"),
        ("bytes", "text", "'text' is no array of numbers"),
        ("bytes", [256], "elements from 256 to 256, the PV holds 0 to 255"),
        ("bytes", np.array([-1], np.int8), "elements from -1 to -1"),
        ("bytes", b"x" * 10_001, "10001 elements, the PV holds 10000"),
        ("one byte", b"", "no element, the PV holds 1"),
        ("one byte", b"ab", "2 elements, the PV holds 1"),
        ("strs", ["a"] * 4, "4 elements, the PV holds 3"),
        ("strs", [["a"]], "a list within a list"),
        ("strs", ["a", None], "None is no value"),
    ],
    ids=short,
)
def test_what_is_refused(kind, value, told):
    with pytest.raises(PostRefused) as caught:
        coerce(kind, value)
    assert told in str(caught.value)
    assert str(caught.value).startswith("X: ")
    assert len(str(caught.value)) < 200


def test_a_list_that_contains_itself_is_refused():
    loop: list = []
    loop.append(loop)
    for kind in PVS:
        with pytest.raises(PostRefused):
            coerce(kind, loop)


@pytest.mark.parametrize(
    ("kind", "dtype"), [("floats", "f8"), ("ints", "i4"), ("bytes", "u1")]
)
def test_an_array_of_the_pvs_own_is_not_copied(kind, dtype):
    array = np.arange(100, dtype=dtype)
    array.flags.writeable = False
    assert coerce(kind, array) is not array  # a view, by reshape(-1)
    assert np.shares_memory(coerce(kind, array), array)


@pytest.mark.parametrize("kind", ["floats", "ints", "bytes"])
def test_an_array_that_its_owner_may_still_change_is_copied(kind):
    array = np.ones(3)
    for given_ in (array, array.astype("i4"), array.astype("u1")):
        made = coerce(kind, given_)
        given_[:] = 2
        assert list(made) == [1, 1, 1]
        assert not made.flags.writeable
        assert made.flags.c_contiguous


class Others(PVGroup):
    """PVs of a user's own group have types that the configuration has not."""

    single = pvproperty(dtype=ChannelType.FLOAT, value=0.0)
    singles = pvproperty(dtype=ChannelType.FLOAT, value=[0.0], max_length=5)
    short = pvproperty(dtype=ChannelType.INT, value=0)
    shorts = pvproperty(dtype=ChannelType.INT, value=[0], max_length=5)
    chars = pvproperty(dtype=str, value="", max_length=5)
    latin = pvproperty(dtype=ChannelType.STRING, value="")


@pytest.mark.parametrize(
    ("attr", "value", "expected"),
    [
        ("single", 0.5, 0.5),
        ("single", INF, INF),
        ("single", 1e39, None),
        ("singles", [0.5, INF], np.array([0.5, INF], "f4")),
        ("singles", [1e39], None),
        ("short", 32767, 32767),
        ("short", 32768, None),
        ("shorts", [1], np.array([1], "i2")),
        ("shorts", [-32769], None),
        ("chars", "µ\u03a9", "µ?"),
        ("chars", "123456", None),
        ("latin", "Ω" + "µ" * 40, "?" + "µ" * 38),
    ],
)
def test_types_of_a_users_own_group(attr, value, expected):
    data = getattr(Others(prefix="P:"), attr)
    if expected is None:
        with pytest.raises(PostRefused, match=f"^{attr}: "):
            coercer(data)(value)
    else:
        assert same(coercer(data)(value), expected)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(codec=None), max_size=60),
    st.binary(max_size=60),
    st.builds(Unsendable, st.text(max_size=5)),
    st.builds(object),
    st.datetimes(),
)
ARRAYS = hnp.arrays(
    dtype=st.one_of(
        hnp.scalar_dtypes(), hnp.unicode_string_dtypes(), hnp.byte_string_dtypes()
    ),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(SCALARS, inner),
    max_leaves=8,
)
CHANNELS = {kind: channel(kind) for kind in PVS}


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(list(PVS)), value=VALUES)
def test_anything_fits_or_is_refused_and_what_fits_can_be_read(kind, value):
    data = CHANNELS[kind]
    try:
        made = coercer(data, finite=PVS[kind].finite)(value)
    except PostRefused:
        return

    async def write_and_read() -> None:
        await data.write(made, verify_value=False)
        native = caproto.field_types["native"][data.data_type]
        for family in ("native", "time", "control"):
            _, values = await data.read(caproto.field_types[family][native])
            assert len(values) <= data.max_length
        if (
            data.string_encoding is not None
        ):  # caproto cannot: see sswd.ioc.ca.codec.dbr_elements
            await data.read(ChannelType.STRING)

    asyncio.run(write_and_read())
    again = coercer(data, finite=PVS[kind].finite)(made)
    assert same(again, made)


def test_a_float_comes_back_as_the_same_object():
    value = 1.5
    assert coerce("float", value) is value
