"""Puts through the control socket: to PVs whose code fails, and of arrays."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from sswd.cli.call import _number
from sswd.control.protocol import Call, Refused, line_of, request_of
from sswd.ioc.daemon.control import pv_values


class Group(PVGroup):
    """One PV that asks an instrument which is off, and arrays."""

    OFF = pvproperty(value=1.0)
    WAVE = pvproperty(value=[0.0], max_length=4)
    NAMES = pvproperty(value=["x"], max_length=4, dtype=ChannelType.STRING)
    TEXT = pvproperty(value="", max_length=40)
    fault: Exception = OSError("off")

    @OFF.putter
    async def OFF(self, _instance, _value) -> None:
        raise self.fault


@pytest.fixture
def group() -> Group:
    return Group(prefix="G:")


async def put(group: Group, pv: str, value: Any) -> None:
    api: Any = SimpleNamespace(
        pvdb=group.pvdb, context=SimpleNamespace(put_listener=None), access=None
    )
    request = request_of(line_of(Call(pv=pv, value=value)))
    assert isinstance(request, Call)
    await pv_values.call(api, request, "anna@localhost")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ConnectionResetError(104, "reset"), "G:OFF: [Errno 104] reset"),
        (TimeoutError(), "G:OFF: TimeoutError"),
    ],
)
async def test_a_put_that_an_instrument_fails_is_told(
    group: Group, fault: Exception, words: str
) -> None:
    group.fault = fault
    with pytest.raises(Refused) as told:
        await put(group, "G:OFF", 2.0)
    assert (str(told.value), told.value.code) == (words, "failed")


async def test_elements_of_an_array(group: Group) -> None:
    await put(group, "G:WAVE", "[1, 2.5, NaN]")
    assert list(group.WAVE.value[:2]) == [1, 2.5]
    assert math.isnan(group.WAVE.value[2])
    await put(group, "G:WAVE", [_number(each) for each in ("1", "-inf", "nan")])
    assert list(group.WAVE.value[:2]) == [1, -math.inf]
    assert math.isnan(group.WAVE.value[2])
    await put(group, "G:NAMES", ["a" * 39, "b"])
    assert list(group.NAMES.value) == ["a" * 39, "b"]
    await put(group, "G:TEXT", "[1, 2]")
    assert group.TEXT.value == "[1, 2]"


@pytest.mark.parametrize("text", ["[1, 2", "[[1]]", "[null]"])
async def test_what_is_no_array_is_refused(group: Group, text: str) -> None:
    with pytest.raises(Refused, match="is no JSON array"):
        await put(group, "G:WAVE", text)


@pytest.mark.parametrize("value", [10**399, [1.0, 10**399]])
async def test_a_number_that_is_no_double_is_refused(group: Group, value: Any) -> None:
    with pytest.raises(Refused) as told:
        await put(group, "G:WAVE", value)
    words = "G:WAVE: the number is too large"
    assert (str(told.value), told.value.code) == (words, "failed")
