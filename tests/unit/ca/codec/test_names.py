"""Channel names with fields and modifiers."""

from typing import ClassVar

import pytest
from caproto.server import PVGroup, pvproperty
from hypothesis import given
from hypothesis import strategies as st

from sswd.ioc.ca.caproto_private.data import snapshot
from sswd.ioc.ca.codec import names
from sswd.ioc.ca.codec.filters import NO_FILTERS


class Group(PVGroup):
    states: ClassVar = {"blue": False}
    number = pvproperty(value=1.0, record="ai", doc="a number")
    plain = pvproperty(value="x")
    dotted = pvproperty(value=2.0, name="with.dot")


PVDB = Group(prefix="P:").pvdb


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("R", ("R", False, "")),
        ("R$", ("R", True, "")),
        ("R.", ("R", False, "")),
        ("R.$", ("R", True, "")),
        ("R.VAL", ("R.VAL", False, "")),
        ("R.DESC$", ("R.DESC", True, "")),
        ('R.{"ts":{}}', ("R", False, '{"ts":{}}')),
        ("R.VAL[1:2]", ("R.VAL", False, "[1:2]")),
        ('R.VAL$[0:{"', ("R.VAL", True, '[0:{"')),
    ],
)
def test_split(name, expected):
    assert names.split_name(name) == expected


def test_find():
    number = PVDB["P:number"]
    for name in ("P:number", "P:number.", "P:number.VAL", "P:number.[0]"):
        assert names.find(PVDB, name).data is number
    assert names.find(PVDB, "P:number.EGU").data is number.fields["EGU"]
    assert names.find(PVDB, "P:with.dot").data is PVDB["P:with.dot"]
    assert names.find(PVDB, "P:plain$").long_string
    assert names.find(PVDB, "P:number.{}").filters == NO_FILTERS
    assert names.find(PVDB, 'P:number.{"while":"blue"}').filters.sync


def test_no_name_of_a_state_is_remembered():
    """Clients make them up."""
    number = PVDB["P:number"]
    assert snapshot(number, "first", "made up") is None
    assert "made up" not in number._snapshots


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nix",
        "P:number.NIX",
        "P:number$",
        "P:plain.EGU",
        "P:number.{",
        "P:number.[x]",
        'P:number.{"while":"red"}',
    ],
)
def test_not_found(name):
    assert names.find(PVDB, name) is None


@given(st.text(max_size=60))
def test_no_name_raises(name):
    names.find(PVDB, name)
    names.find(PVDB, "P:number" + name)
    names.find(PVDB, "P:number.{" + name)
    names.find(PVDB, "P:number.[" + name + "]")
