"""Channel names with fields and modifiers."""

import pytest
from caproto.server import PVGroup, pvproperty
from hypothesis import given
from hypothesis import strategies as st

from sswd.ioc.ca.codec import names


class Group(PVGroup):
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
