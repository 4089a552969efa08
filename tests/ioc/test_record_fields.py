"""Record fields that follow their PV, and the few that can be written.

That they answer as EPICS base's is in ca/conformance/test_fields.py.
"""

import asyncio
import contextlib
import math

import aioca
import pytest

from sswd.config.keys import PvConfig
from sswd.ioc import ca
from sswd.ioc.pvs.declared import declare
from sswd.ioc.pvs.fed_pv import FedPv

pytestmark = pytest.mark.filterwarnings(
    "ignore:Setting the shape on a NumPy array:DeprecationWarning"
)
PVS = {
    "F": PvConfig(type="float", hihi=90, lolo=-90, mdel=1, writable_limits=True),
    "FIXED": PvConfig(type="float", hihi=90),
    "I": PvConfig(type="int", high=5),
    "A": PvConfig(type="float", length=5),
    "S": PvConfig(type="str"),
    "T": PvConfig(type="text"),
    "EW": PvConfig(type="enum", strings=("off", "slow"), writable=True),
}


class Served:
    """Declared PVs on loopback, posted to as the publisher does."""

    def __init__(self):
        self.put = []
        self.channels = declare(PVS, prefix="FLD:", forward=self.forward)
        self.fed = {
            name: FedPv(channel, is_writable=False, rules=channel.rules)
            for name, channel in self.channels.items()
        }

    async def forward(self, name, value):
        self.put.append((name, value))

    def post(self, name, value):
        fed = self.fed[name]
        fed.publish(fed.coerce(value), None)


@pytest.fixture
async def served():
    served = Served()
    pvdb = {data.pvname: data for data in served.channels.values()}
    task = asyncio.create_task(ca.Context(pvdb).run())
    yield served
    aioca.purge_channel_caches()  # its channels must not outlive this test's loop
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def get(name, **options):
    return await aioca.caget(f"FLD:{name}", timeout=10, **options)


async def text(name):
    return str(await get(name, datatype=aioca.DBR_STRING))


async def put(name, value):
    """Whether a put with callback succeeded."""
    done = await aioca.caput(f"FLD:{name}", value, timeout=10, wait=True, throw=False)
    return bool(done.ok)


@contextlib.asynccontextmanager
async def monitored(name, **options):
    """A queue of the values of a monitor."""
    seen = asyncio.Queue()
    sub = aioca.camonitor(
        f"FLD:{name}",
        seen.put_nowait,
        all_updates=True,
        format=aioca.FORMAT_TIME,
        **options,
    )
    yield seen
    sub.close()


async def following(seen):
    return await asyncio.wait_for(seen.get(), 10)


async def test_nord_has_monitors_that_see_each_change(served):
    async with monitored("A.NORD") as seen:
        assert await following(seen) == 0
        for length in (3, 1, 5):
            served.post("A", [1.0] * length)
            assert await following(seen) == length


async def test_monitors_of_a_field_are_told_of_changes_only(served):
    async with monitored("T.LEN") as seen:
        assert await following(seen) == 1
        served.post("T", "abc")
        served.post("T", "xyz")
        served.post("T", "long one")
        assert [await following(seen) for _ in range(2)] == [4, 9]


async def test_a_field_has_the_alarm_and_the_time_of_its_pv(served):
    assert (await get("F.EGU", format=aioca.FORMAT_TIME)).severity == 0
    served.post("F", 95.0)
    field = await get("F.EGU", format=aioca.FORMAT_TIME)
    value = await get("F", format=aioca.FORMAT_TIME)
    assert (field.severity, field.status) == (2, 3)
    assert field.timestamp == value.timestamp


async def test_the_alarm_fields_say_what_is_wrong(served):
    async with monitored("F.SEVR") as seen:
        assert await following(seen) == 0
        served.post("F", 95.0)
        assert await following(seen) == 2
    assert await text("F.STAT") == "HIHI"
    assert await text("F.AMSG") == "at or above HIHI 90"
    assert await get("F.LALM") == 90


async def test_old_value_and_dead_band_follow_the_value(served):
    served.post("S", "one")
    assert await text("S.OVAL") == "one"
    assert await text("S.MPST") == "On Change"
    served.post("F", 5.0)
    assert await get("F.MLST") == 5
    served.post("F", 5.5)
    assert (await get("F.MLST"), await get("F.ALST")) == (5, 5.5)
    assert (await get("F.MDEL"), await get("F.ADEL")) == (1, 0)


async def test_alarm_limits_are_in_the_control_metadata(served):
    value = await get("F", format=aioca.FORMAT_CTRL)
    assert (value.lower_alarm_limit, value.upper_alarm_limit) == (-90, 90)
    assert math.isnan(value.lower_warning_limit)
    assert math.isnan(value.upper_warning_limit)
    value = await get("FIXED", format=aioca.FORMAT_CTRL)
    assert value.upper_alarm_limit == 90
    assert math.isnan(value.lower_alarm_limit)
    value = await get("I", format=aioca.FORMAT_CTRL)
    assert (value.lower_alarm_limit, value.upper_warning_limit) == (0, 5)


async def test_limits_can_be_written_where_the_configuration_says_so(served):
    async with monitored("F", events=aioca.DBE_PROPERTY) as seen:
        await following(seen)
        assert await put("F.HIGH", 50)
        await following(seen)
    assert await put("F.HSV", "MINOR")
    served.post("F", 60.0)
    assert (await get("F", format=aioca.FORMAT_TIME)).severity == 1
    assert await get("F.HIGH") == 50
    assert (await get("F", format=aioca.FORMAT_CTRL)).upper_warning_limit == 50
    assert not await put("F.HSV", "SEVERE")
    assert not await put("F.HYST", -1)
    assert not await put("F.HIHI", math.nan)
    assert await get("F.HIHI") == 90


@pytest.mark.parametrize("field", ["HIHI", "HHSV", "HYST"])
async def test_limits_cannot_be_written_otherwise(served, field):
    before = await get(f"FIXED.{field}")
    assert not await put(f"FIXED.{field}", 1)
    assert await get(f"FIXED.{field}") == before


async def test_dead_bands_can_be_written(served):
    assert await put("I.MDEL", 10)
    async with monitored("I", events=aioca.DBE_VALUE) as seen:
        assert await following(seen) == 0
        served.post("I", 4)  # within
        served.post("I", 20)
        assert await following(seen) == 20
    assert await get("I.MDEL") == 10


async def test_raw_value_of_an_enum_is_a_put_of_its_number(served):
    assert await put("EW.RVAL", 1)
    assert served.put == [("EW", "slow")]
    assert not await put("EW.RVAL", 2)
    assert not await put("EW.RVAL", -1)


@pytest.mark.parametrize("field", ["SSCN", "TIME", "BKPT", "NOSUCH", "desc"])
async def test_a_field_that_cannot_be_had_is_not_served(served, field):
    with pytest.raises(aioca.CANothing):
        await aioca.caget(f"FLD:F.{field}", timeout=0.5)
