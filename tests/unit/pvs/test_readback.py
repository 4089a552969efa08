"""Read-only PVs in a line each, and posts of what has changed only."""

import numpy as np
import pytest
from caproto import AccessRights
from caproto.server import PVGroup

from sswd.ioc import ca
from sswd.ioc.pvs.momentary import is_act, momentary
from sswd.ioc.pvs.readback import NO_YES, readback


class Group(PVGroup):
    COUNT = readback("int", "Counts", value=7)
    RATE = readback("float", "Rate", units="Hz", precision=1)
    ON = readback("bool", "Whether it is on", strings=NO_YES)
    MODE = readback("enum", "Mode", strings=("off", "slow", "fast"))
    NAME = readback("str", "Name")
    TEXT = readback("text", "Text", length=100)
    TRACE = readback("float", "Trace", value=np.zeros(2), length=50)
    GO = momentary("Begin")


@pytest.fixture
def group() -> Group:
    return Group("P:")


@pytest.mark.parametrize(
    ("name", "record", "value", "length"),
    [
        ("COUNT", "longin", 7, 1),
        ("RATE", "ai", 0.0, 1),
        ("ON", "bi", "No", 1),
        ("MODE", "mbbi", "off", 1),
        ("NAME", "stringin", "", 1),
        ("TEXT", "lsi", "", 100),
    ],
)
def test_each_kind_has_its_record_value_and_length(group, name, record, value, length):
    data = getattr(group, name)
    assert data.get_field("RTYP").value == record
    assert (data.value, data.max_length) == (value, length)
    assert data.check_access("", "") == AccessRights.READ


def test_a_length_makes_an_array(group):
    assert group.TRACE.get_field("RTYP").value == "waveform"
    assert group.TRACE.max_length == 50


def test_metadata_is_passed_on(group):
    assert (group.RATE.units, group.RATE.precision) == ("Hz", 1)
    assert group.RATE.get_field("EGU").value == "Hz"
    assert group.RATE.__doc__ == "Rate"


@pytest.mark.parametrize(
    ("value", "acts"), [(0, False), ("0", False), ("Ready", False), (1, True), ("x", 1)]
)
def test_what_makes_a_momentary_pv_act(value, acts):
    assert is_act(value) == acts


@pytest.mark.parametrize(
    ("name", "same", "other"),
    [
        ("COUNT", 7, 8),
        ("RATE", 0.0, 0.5),
        ("ON", 0, 1),
        ("MODE", "off", 2),
        ("TEXT", "", "word"),
    ],
)
def test_only_a_changed_value_is_posted(group, name, same, other):
    data = getattr(group, name)
    before = data.timestamp
    ca.post_if_changed(data, same)
    assert data.timestamp == before
    ca.post_if_changed(data, other)
    assert data.timestamp > before
    changed = data.timestamp
    ca.post_if_changed(data, other)
    assert data.timestamp == changed
