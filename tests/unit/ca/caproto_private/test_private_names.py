"""What we lean on in caproto: these tests fail when a new caproto moves it."""

import copy
import hashlib
import inspect
import sys
from importlib.metadata import version

import caproto
import numpy as np
import pytest
from caproto import AlarmSeverity, AlarmStatus, ChannelType
from caproto.asyncio import server as asyncio_server
from caproto.server import PVGroup, pvproperty
from caproto.server import common as server_common
from caproto.server.server import PvpropertyData

from sswd.alarm import Alarm
from sswd.ioc.ca.caproto_private import data
from sswd.ioc.ca.caproto_private import records as private_records
from sswd.ioc.ca.pv.publish import post, set_alarm
from sswd.ioc.ca.pv.served_pv import ServedPv

# The package has a dict of the same name.
records = sys.modules["caproto.server.records.records"]

# What we do in caproto's place, or rely on line by line. When one of these has changed,
# read it, adapt data.py, served_pv.py, publish.py or context.py, and put the new hash
# here.
READ_BY_US = {
    caproto.ChannelData.write: "e2df3ddb190a",
    caproto.ChannelData.write_metadata: "df7d9efa3725",
    caproto.ChannelData.write_from_dbr: "0c24f87816c1",
    caproto.ChannelData.auth_write: "aa62a7a715e9",
    caproto.ChannelData.auth_read: "b2fd00463c9b",
    caproto.ChannelData.read: "be757bb7d2bf",
    caproto.ChannelData._read: "854b3d71abea",
    caproto.ChannelData._read_metadata: "7c93140285ba",
    caproto.ChannelData.publish: "9137bfaec883",
    caproto.ChannelData.preprocess_value: "d798da91a1e3",
    caproto.ChannelData._collect_alarm: "90b01d9ceeac",
    caproto.ChannelData.post_state_change: "5e5030c0f7c5",
    caproto.ChannelEnum.write: "db7d95f89ae2",
    caproto.ChannelEnum.write_metadata: "25364baafab8",
    caproto.ChannelChar.write: "db7d95f89ae2",
    caproto.ChannelString.write: "56c7d1b4543e",
    caproto.ChannelAlarm.write: "5694ce2f94f9",
    caproto.ChannelAlarm.publish: "1920f2d6b2c1",
    PvpropertyData.read: "3fd9ae570460",
    PvpropertyData.verify_value: "7c01dc05b3ba",
    PvpropertyData.update_fields: "862a501de379",
    records.RecordFieldGroup.publish: "e7bbfa9eb91b",
    records.RecordFieldGroup.value_write_hook: "a2ea9a9277db",
    records.BiFields.value_write_hook: "4dc5088aa594",
    records.BoFields.value_write_hook: "4dc5088aa594",
    records.MbbiFields.value_write_hook: "4dc5088aa594",
    records.MbboFields.value_write_hook: "4dc5088aa594",
    server_common.Context._broadcaster_queue_iteration: "39261e97f848",
    server_common.Context._broadcaster_recv_datagram: "010486a90e64",
    server_common.Context._find_hook_methods: "435cd414bf2d",
    server_common.Context.broadcaster_queue_loop: "ce9ecea6b0d3",
    asyncio_server.Context.__init__: "73ef2720b5c9",
    asyncio_server.Context.run: "ae34a79220a7",
    asyncio_server.Context._create_broadcaster_transport: "447c2ff35f18",
}


@pytest.mark.parametrize("function", READ_BY_US, ids=lambda f: f.__qualname__)
def test_caproto_is_the_one_that_was_read(function):
    source = inspect.getsource(function)
    found = hashlib.sha256(source.encode()).hexdigest()[:12]
    assert found == READ_BY_US[function], (
        f"{function.__module__}.{function.__qualname__} has changed in caproto "
        f"{version('caproto')}: see the comment at READ_BY_US"
    )


class Group(PVGroup):
    number = pvproperty(value=1.5, record="ai", precision=2, units="mm")
    integer = pvproperty(value=3, record="longin")
    state = pvproperty(
        dtype=ChannelType.ENUM, value="a", record="mbbi", enum_strings=["a", "b"]
    )
    bit = pvproperty(dtype=bool, value=False, record="bi")
    text = pvproperty(dtype=ChannelType.STRING, value="x", record="stringin")
    chars = pvproperty(dtype=str, value="x", max_length=20)
    array = pvproperty(value=[1.0], max_length=5, record="waveform")
    image = pvproperty(dtype=bytes, value=b"x", max_length=8)
    getter = pvproperty(value=1)

    @getter.getter
    async def getter(self, instance):
        return 2


@pytest.fixture
def group():
    return Group(prefix="S:")


def test_private_names_are_there(group):
    channel_data = group.number
    assert set(data.raw(channel_data)) >= {"value", "timestamp", "units", "precision"}
    assert data.alarm_numbers(channel_data) == (0, 0)
    assert data.acknowledge_numbers(channel_data) == (1, 0)
    assert channel_data in data.alarm_peers(channel_data)
    assert channel_data.field_inst in data.alarm_peers(channel_data)
    assert not data.serves_caproto(channel_data)
    assert not data.needs_caproto(channel_data)
    assert data.class_name_bytes(channel_data) == b"ai"
    assert (
        private_records.record_field(channel_data, "EGU") is channel_data.fields["EGU"]
    )
    assert private_records.record_field(channel_data, "NIX") is None


def test_which_pvs_are_plain(group):
    for name, channel_data in group.attr_pvdb.items():
        assert data.has_getter(channel_data) == (name == "getter"), name
        assert not data.reads_itself(channel_data)
        assert data.writes_plainly(channel_data)
        assert private_records.follows_plainly(channel_data)
    assert private_records.raw_value_field(group.state) is group.state.fields["RVAL"]
    assert private_records.raw_value_field(group.number) is None
    assert data.has_getter(group.number.fields["DESC"])


def test_a_class_with_its_own_ways_is_left_alone():
    class Own(caproto.ChannelDouble):
        async def write(self, *args, **kwargs):
            await super().write(*args, **kwargs)

        async def _read(self, data_type):
            return await super()._read(data_type)

    channel_data = Own(value=1.0)
    assert data.reads_itself(channel_data)
    assert not data.writes_plainly(channel_data)


def test_time_stamp():
    stamp = data.time_stamp(1_700_000_000.25, 0)
    assert tuple(stamp) == (1_700_000_000 - data.EPICS_EPOCH_S, 250_000_000)
    assert tuple(data.time_stamp(None, 1_700_000_000_000_000_007))[1] == 7
    assert len(data.stamp_bytes(stamp)) == 8


READ_ONLY = np.arange(3, dtype=np.uint8)
READ_ONLY.flags.writeable = False
POSTS = [
    ("number", 2.5),
    ("number", 7),
    ("integer", 42),
    ("state", "b"),
    ("state", 1),
    ("bit", "On"),
    ("bit", 1),
    ("text", "hello"),
    ("chars", "hello"),
    ("array", [1.0, 2.0]),
    ("array", np.array([1.0, 2.0])),
    ("array", []),
    ("image", b"abc"),
    ("image", READ_ONLY),
]


@pytest.mark.parametrize(("name", "value"), POSTS)
async def test_post_leaves_what_caprotos_write_leaves(name, value):
    ours, theirs = Group(prefix="S:"), Group(prefix="S:")
    ServedPv.of(getattr(ours, name))
    post(getattr(ours, name), value, 1.7e9)
    written = value
    if name in ("state", "bit") and isinstance(value, int):
        written = getattr(theirs, name).enum_strings[value]
    channel_data = getattr(theirs, name)
    await channel_data.write(written, verify_value=False, timestamp=1.7e9)
    for mine, other in ((getattr(ours, name), channel_data),):
        assert type(mine.value) is type(other.value)
        assert np.array_equal(mine.value, other.value)
        assert mine._data["timestamp"] == other._data["timestamp"]
        if "RVAL" in mine.fields:
            assert mine.fields["RVAL"].value == other.fields["RVAL"].value


async def test_post_before_anything_serves_the_pv(group):
    """As under caproto's own run(): through ChannelData.write."""
    post(group.number, 9.5, 1.7e9)
    assert group.number.value == 9.5
    assert group.number.timestamp == 1.7e9


@pytest.mark.parametrize("served_pv", [True, False])
async def test_post_runs_no_putter(served_pv):
    class Put(PVGroup):
        pv = pvproperty(value=0, record="longout", alarm_group="own")

        @pv.putter
        async def pv(self, instance, value):
            raise AssertionError("an internal write fires no putter")

    group = Put(prefix="S:")
    if served_pv:
        ServedPv.of(group.pv)
    post(group.pv, 3)
    assert group.pv.value == 3
    assert group.pv.alarm.severity == 0


async def test_post_keeps_a_record_hook_of_the_users(group):
    seen = []

    class Fields(records.AiFields):
        async def value_write_hook(self, instance, value):
            seen.append(value)

    class Own(PVGroup):
        pv = pvproperty(value=0.0, record=Fields)

    channel_data = Own(prefix="S:").pv
    ServedPv.of(channel_data)
    post(channel_data, 1.5)
    assert seen == [1.5]


async def test_post_too_long_is_refused(group):
    ServedPv.of(group.array)
    with pytest.raises(caproto.CaprotoValueError, match="too large"):
        post(group.array, np.zeros(6))
    assert group.array.value == [1.0]


async def test_post_publishes_a_status_that_was_set_before(group):
    """`instance.status = ...` is caproto's way to give the next write an alarm."""
    ServedPv.of(group.number)
    group.number.status = AlarmStatus.HIHI
    post(group.number, 3.0)
    assert group.number.alarm.status == AlarmStatus.HIHI


async def test_set_alarm_moves_the_fields_and_what_must_be_acknowledged(group):
    class Own(PVGroup):
        ours = pvproperty(value=1, record="ai", alarm_group="a")
        theirs = pvproperty(value=1, record="ai", alarm_group="b")

    group = Own(prefix="S:")
    for status, severity in ((9, 3), (3, 2), (0, 0)):
        set_alarm(group.ours, Alarm(severity, status))
        await group.theirs.alarm.write(
            status=AlarmStatus(status), severity=AlarmSeverity(severity)
        )
        assert group.ours.alarm == group.theirs.alarm
        for field in ("STAT", "SEVR", "ACKS", "ACKT"):
            assert group.ours.fields[field].value == group.theirs.fields[field].value


async def test_a_deep_copy_takes_no_clients_along(group):
    """caproto copies ChannelData for its sync filter."""
    served_pv = ServedPv.of(group.number)
    served_pv.subs[object()] = None
    twin = copy.deepcopy(group.number)
    assert getattr(twin, data.SERVED_PV_ATTRIBUTE) is served_pv
