"""Declared PVs as a real CA client sees them: types, metadata, fields, rights, puts."""

import asyncio
import contextlib

import aioca
import numpy as np
import pytest
from caproto import AccessRights, ChannelType

from sswd.alarm import Alarm
from sswd.config import PvConfig
from sswd.errors import CommandRejected
from sswd.ioc import ca
from sswd.ioc.pvs.coerce import coercer
from sswd.ioc.pvs.declared import as_sent, check_put, declare

# aioca's own, with numpy 2.5.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Setting the shape on a NumPy array:DeprecationWarning"
)

PVS = {
    "F": PvConfig(type="float", value=1, units="mm/s", precision=2, limits=(0, 20)),
    "FW": PvConfig(
        type="float", limits=(0, 20), writable=True, description="d µ " * 20
    ),
    "I": PvConfig(type="int", value=3, units="counts", limits=(-1.5, float("inf"))),
    "IW": PvConfig(type="int", writable=True),
    "B": PvConfig(type="bool", value=True),
    "BW": PvConfig(type="bool", strings=("shut", "open"), writable=True),
    "E": PvConfig(type="enum", strings=("off", "slow"), value=1),
    "EW": PvConfig(type="enum", strings=("off", "slow"), value="slow", writable=True),
    "S": PvConfig(type="str", value="µm"),
    "SW": PvConfig(type="str", writable=True),
    "T": PvConfig(type="text", value="x" * 100, length=200),
    "TW": PvConfig(type="text", writable=True),
    "Y": PvConfig(type="bytes", length=8, value=(1, 0, 0), units="Ωmeters"),
    "YW": PvConfig(type="bytes", length=8, writable=True),
    "FA": PvConfig(type="float", length=5, value=(1, 2)),
    "FAW": PvConfig(type="float", length=5, limits=(0, 9), writable=True),
    "IA": PvConfig(type="int", length=5),
    "IAW": PvConfig(type="int", length=5, writable=True),
    "SA": PvConfig(type="str", length=3, value=("a", "b")),
    "SAW": PvConfig(type="str", length=3, writable=True),
    "F1": PvConfig(type="float", length=1),
    "Y1": PvConfig(type="bytes", length=1),
    "S1": PvConfig(type="str", length=1, value=("a",)),
}


class Ledger:
    """Stands for the commands: keeps what was forwarded, publishes and returns."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, object]] = []
        self.refused: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.pvs = declare(PVS, prefix="DECL:", forward=self.forward)

    async def forward(self, name: str, value: object) -> None:
        reason = check_put(PVS[name], value)
        if reason is not None:
            self.refused.append(reason)
            raise CommandRejected(reason)
        self.sent.append((name, value))
        ca.post(self.pvs[name], coercer(self.pvs[name])(value))
        await self.gate.wait()


@pytest.fixture
async def ledger():
    """Declared PVs, served on loopback."""
    ledger = Ledger()
    pvdb = {data.pvname: data for data in ledger.pvs.values()}
    task = asyncio.create_task(ca.Context(pvdb).run())
    yield ledger
    aioca.purge_channel_caches()  # its channels must not outlive this test's loop
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def get(name: str, **options):
    return await aioca.caget(f"DECL:{name}", timeout=10, **options)


async def put(name: str, value: object, **options):
    return await aioca.caput(f"DECL:{name}", value, timeout=10, wait=True, **options)


INITIAL = {
    "F": 1.0,
    "FW": 0.0,
    "I": 3,
    "B": 1,
    "BW": 0,
    "E": 1,
    "EW": 1,
    "S": "µm",
    "SW": "",
    "Y": [1, 0, 0],
    "YW": [],
    "FA": [1, 2],
    "FAW": [],
    "IA": [],
    "SA": ["a", "b"],
    "SAW": [],
    "F1": 0.0,
    "Y1": 0,
    "S1": "a",
}


async def test_initial_values(ledger):
    names = list(INITIAL)
    values = await aioca.caget([f"DECL:{n}" for n in names], timeout=10)
    for name, value in zip(names, values, strict=True):
        assert np.array_equal(value, INITIAL[name]), name
    assert await get("T", datatype=aioca.DBR_CHAR_STR) == "x" * 100
    assert await get("TW", datatype=aioca.DBR_CHAR_STR) == ""


async def test_metadata(ledger):
    velocity = await get("F", format=aioca.FORMAT_CTRL)
    assert (velocity.units, velocity.precision) == ("mm/s", 2)
    assert (velocity.lower_ctrl_limit, velocity.upper_ctrl_limit) == (0, 20)
    assert (velocity.lower_disp_limit, velocity.upper_disp_limit) == (0, 20)
    counts = await get("I", format=aioca.FORMAT_CTRL)
    assert (counts.lower_ctrl_limit, counts.upper_ctrl_limit) == (-1, 2**31 - 1)
    assert (await get("FW", format=aioca.FORMAT_CTRL)).precision == 3
    assert (await get("BW", format=aioca.FORMAT_CTRL)).enums == ["shut", "open"]
    assert (await get("B", format=aioca.FORMAT_CTRL)).enums == ["Off", "On"]
    # Cut to the 7 bytes of CA's metadata, not within a character.
    assert (await get("Y", format=aioca.FORMAT_CTRL)).units == "Ωmeter"


RECORDS = {
    "ai": ["F"],
    "ao": ["FW"],
    "longin": ["I"],
    "longout": ["IW"],
    "bi": ["B"],
    "bo": ["BW"],
    "mbbi": ["E"],
    "mbbo": ["EW"],
    "stringin": ["S"],
    "stringout": ["SW"],
    "lsi": ["T"],
    "lso": ["TW"],
    "waveform": ["Y", "YW", "FA", "FAW", "IA", "SA"],
}


async def test_record_types(ledger):
    for record, names in RECORDS.items():
        for name in names:
            assert await get(f"{name}.RTYP") == record, name


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("F.EGU", "mm/s"),
        ("F.PREC", 2),
        ("F.HOPR", 20),
        ("F.LOPR", 0),
        ("FW.DRVH", 20),
        ("FW.DRVL", 0),
        ("I.EGU", "counts"),
        ("Y.EGU", "Ωmeters"),
        ("Y.NELM", 8),
        ("Y.NORD", 3),
        ("Y.FTVL", "UCHAR"),
        ("FA.FTVL", "DOUBLE"),
        ("FAW.NORD", 0),
        ("T.LEN", 101),
        ("F.UDF", 0),
        ("F.NAME", "DECL:F"),
        ("F.DESC", ""),
        ("BW.ZNAM", "shut"),
        ("BW.ONAM", "open"),
        ("EW.ZRST", "off"),
        ("EW.ONST", "slow"),
        ("E.RVAL", 1),
        ("F.SEVR", "NO_ALARM"),
    ],
)
async def test_record_fields(ledger, field, expected):
    wants_text = isinstance(expected, str)
    value = await get(field, datatype=aioca.DBR_STRING if wants_text else None)
    assert value == expected


async def test_a_description_is_one_line_cut_between_characters(ledger):
    text = await get("FW.DESC")
    assert ("d µ " * 20).startswith(str(text))
    assert len(str(text)) > 25
    long = await get("FW.DESC$", datatype=aioca.DBR_CHAR_STR)
    assert long == ("d µ " * 20).encode()[:40].decode()  # 40 bytes, as in EPICS base


async def test_alarm_fields_follow_the_alarm_before_and_after_they_are_made(ledger):
    ca.set_alarm(ledger.pvs["F"], Alarm(3, 9))
    assert await get("F.SEVR", datatype=aioca.DBR_STRING) == "INVALID"
    assert await get("F.STAT", datatype=aioca.DBR_STRING) == "COMM"
    ca.set_alarm(ledger.pvs["F"], Alarm(0, 0))
    assert await get("F.SEVR", datatype=aioca.DBR_STRING) == "NO_ALARM"


async def test_each_pv_has_an_alarm_of_its_own(ledger):
    ca.set_alarm(ledger.pvs["F"], Alarm(3, 9))
    assert (await get("F", format=aioca.FORMAT_TIME)).severity == 3
    assert (await get("I", format=aioca.FORMAT_TIME)).severity == 0
    assert len({id(data.alarm) for data in ledger.pvs.values()}) == len(PVS)


async def test_only_writable_pvs_can_be_written(ledger):
    for name, pv in PVS.items():
        rights = ledger.pvs[name].check_access("host", "user")
        assert (AccessRights.WRITE in rights) == pv.writable, name


@pytest.mark.parametrize("name", ["B.RVAL", "B.PROC", "F.HOPR", "F.DESC", "FW.DRVH"])
async def test_fields_cannot_be_written(ledger, name):
    result = await put(name, 0, throw=False)
    assert not result.ok
    assert await get("B") == 1
    assert ledger.sent == []


@pytest.mark.parametrize(
    ("name", "value", "options", "sent"),
    [
        ("FW", 2.5, {}, 2.5),
        ("FW", "2.5", {}, 2.5),
        ("FW", 20, {}, 20.0),
        ("IW", -7, {}, -7),
        ("BW", 1, {}, True),
        ("BW", "shut", {}, False),
        ("EW", 0, {}, "off"),
        ("EW", "slow", {}, "slow"),
        ("SW", "µ", {}, "µ"),
        ("TW", "y" * 500, {"datatype": aioca.DBR_CHAR_STR}, "y" * 500),
        ("TW", "short", {}, "short"),
        ("YW", np.array([1, 0, 0], np.uint8), {}, b"\1\0\0"),
        ("FAW", [1.5, 2, 3], {}, [1.5, 2, 3]),
        ("IAW", [1, -2], {}, [1, -2]),
        ("SAW", ["a", "b"], {}, ["a", "b"]),
    ],
)
async def test_a_put_is_forwarded_as_the_system_wants_it(
    ledger, name, value, options, sent
):
    await put(name, value, **options)
    assert [pv for pv, _ in ledger.sent] == [name]
    got = ledger.sent[0][1]
    assert np.array_equal(got, sent)
    if isinstance(got, np.ndarray):
        assert got.dtype.isnative
        assert got.dtype == (np.float64 if name == "FAW" else np.int32)
    else:
        assert type(got) is type(sent)


async def test_proc_of_a_writable_pv_sends_its_value_again(ledger):
    await put("FW", 2.5)
    await put("FW.PROC", 1)
    assert ledger.sent == [("FW", 2.5)] * 2


async def test_a_put_completes_when_its_command_has_ended(ledger):
    ledger.gate.clear()
    task = asyncio.create_task(put("FW", 2.5))
    async with asyncio.timeout(10):
        while await get("FW") != 2.5:  # reads back at once
            await asyncio.sleep(0.01)
    assert not task.done()
    # What the system posts meanwhile is not overwritten when the put completes.
    ca.post(ledger.pvs["FW"], 2.4)
    ledger.gate.set()
    assert (await task).ok
    assert await get("FW") == 2.4


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("FW", 20.5, "20.5 is outside the limits 0 to 20"),
        ("FW", -1, "-1 is outside the limits 0 to 20"),
        ("FW", float("nan"), "nan is outside the limits"),
        ("FAW", [1, 2, 10], "10 is outside the limits 0 to 9"),
    ],
)
async def test_a_put_outside_the_limits_is_refused_not_clamped(
    ledger, name, value, reason
):
    before = await get(name)
    assert not (await put(name, value, throw=False)).ok
    assert ledger.sent == []
    assert np.array_equal(await get(name), before)
    # By us, in words, and not by caproto before us.
    assert [reason in text for text in ledger.refused] == [True]


@pytest.mark.parametrize(
    ("pv", "value", "refused"),
    [
        (PvConfig(type="float"), float("nan"), False),
        (PvConfig(type="float", finite=True), float("nan"), True),
        (PvConfig(type="float", finite=True), float("inf"), True),
        (PvConfig(type="float", finite=True, length=3), np.array([1, np.nan]), True),
        (PvConfig(type="float", limits=(0, 1)), 1.0, False),
        (PvConfig(type="float", limits=(0, float("inf"))), 1e300, False),
        (PvConfig(type="float", length=3, limits=(0, 1)), np.empty(0), False),
        (PvConfig(type="int", limits=(0, 1)), 2, True),
        (PvConfig(type="str"), "x", False),
    ],
)
def test_check_put(pv, value, refused):
    assert (check_put(pv, value) is not None) == refused


async def test_posts_are_not_bound_by_limits(ledger):
    ca.post(ledger.pvs["FW"], 100.0)
    assert await get("FW") == 100.0
    assert ledger.sent == []


async def test_images_keep_their_trailing_zeros(ledger):
    data = ledger.pvs["Y"]
    ca.post(data, coercer(data)(np.zeros(8, np.uint8)))
    assert list(await get("Y")) == [0] * 8
    ca.post(data, coercer(data)(b""))
    assert list(await get("Y")) == []
    assert await get("Y.NORD") == 0


def test_as_sent_of_a_bool_is_a_bool():
    pv = PvConfig(type="bool", strings=("shut", "open"))
    assert as_sent(pv, "open") is True
    assert as_sent(pv, "shut") is False


def test_a_large_image_warns_of_nothing(caplog):
    pv = PvConfig(type="bytes", length=4_194_304)
    made = declare({"IMAGE": pv}, prefix="DECL:", forward=Ledger.forward)["IMAGE"]
    assert made.data_type == ChannelType.CHAR
    assert caplog.records == []
