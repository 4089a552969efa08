"""Each field of each record type, in every DBR type, against EPICS base's C server.

Every difference must be listed, with its reason, in docs/reference/conformance.md, and
every line there must still be a difference.
"""

import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import script
from base_ioc import serving_base
from table import check

from sswd.config.keys import PvConfig
from sswd.ioc.pvs.declared import declare
from sswd.ioc.pvs.fed_pv import FedPv
from sswd.ioc.pvs.record_types import RECORD_TYPES, fields_of

ca = script.ca
_RANGE = {"limits": (-100, 100)}
PVS = {
    "AI": PvConfig(
        type="float",
        description="an ai",
        units="mm",
        precision=3,
        hihi=90,
        high=80,
        low=-80,
        lolo=-90,
        hysteresis=0.5,
        mdel=0.25,
        adel=0.75,
        **_RANGE,
    ),
    "PLAIN": PvConfig(type="float"),
    "AO": PvConfig(
        type="float",
        description="an ao",
        units="mm",
        precision=3,
        hihi=90,
        writable=True,
        **_RANGE,
    ),
    "LONGIN": PvConfig(type="int", units="counts", high=40, mdel=2, **_RANGE),
    "LONGOUT": PvConfig(type="int", units="counts", writable=True, **_RANGE),
    "INT64IN": PvConfig(type="int64", units="counts", high=40, mdel=2, **_RANGE),
    "INT64OUT": PvConfig(type="int64", units="counts", writable=True, **_RANGE),
    "BI": PvConfig(
        type="bool", strings=("shut", "open"), state_severity={"open": "MINOR"}
    ),
    "BO": PvConfig(type="bool", strings=("shut", "open"), writable=True),
    "MBBI": PvConfig(
        type="enum", strings=("off", "slow", "fast"), state_severity={"fast": "MAJOR"}
    ),
    "MBBO": PvConfig(type="enum", strings=("off", "slow", "fast"), writable=True),
    "STRINGIN": PvConfig(type="str", description="text"),
    "STRINGOUT": PvConfig(type="str", writable=True),
    "LSI": PvConfig(type="text", length=100),
    "LSO": PvConfig(type="text", length=100, writable=True),
    "WAVEFORM": PvConfig(type="float", length=5, units="V", limits=(-10, 10)),
    "CHARS": PvConfig(type="bytes", length=5),
    "SHORTS": PvConfig(type="int16", length=5),
    "FLOATS": PvConfig(type="float32", length=5),
    "OCTETS": PvConfig(type="uint8", length=5),
}
# Two posts each: the second one is within the dead band of AI and LONGIN.
VALUES = {
    "AI": (95.0, 95.125),
    "PLAIN": (1.5, 2.25),
    "AO": (95.0, 2.5),
    "LONGIN": (42, 43),
    "LONGOUT": (7, -3),
    "INT64IN": (42, 43),
    "INT64OUT": (7, -3),
    "BI": (0, 1),
    "BO": (0, 1),
    "MBBI": (1, 2),
    "MBBO": (2, 1),
    "STRINGIN": ("one", "two"),
    "STRINGOUT": ("one", "two"),
    "LSI": ("one", "three"),
    "LSO": ("one", "three"),
    "WAVEFORM": ([1.0, 2.0, 3.0], [1.5, 2.5]),
    "CHARS": ([1, 2, 3], [4, 5]),
    "SHORTS": ([1, -2, 3], [4, 5]),
    "FLOATS": ([1.5, 2.5, -3.5], [4.25, 5.0]),
    "OCTETS": ([1, 2, 255], [4, 5]),
}
RECORDS = {name: name.lower() for name in PVS} | {
    "PLAIN": "ai",
    **dict.fromkeys(("CHARS", "SHORTS", "FLOATS", "OCTETS"), "waveform"),
}
TYPES = range(len(script.TYPES))
COUNTS = (0, 1)


def names():
    """Every field of every record, those included that only EPICS base serves."""
    for name, record in RECORDS.items():
        for field in (*fields_of(record), "SSCN", "BKPT", "VAL"):
            yield f"{name}.{field}"


async def put_to_base(client, name):
    """Both values, so that what follows from a value does."""
    channel = await client.create(f"X:{name}")
    for value in VALUES[name]:
        if isinstance(value, str):
            dtype, values = 0, [value.encode()]
        elif isinstance(value, list):
            dtype, values = channel.dtype, value
        else:
            dtype, values = 6, [value]
        done = await client.put(
            channel, script.payload(dtype, values), dtype, len(values)
        )
        assert done.p1 == 1, name


def post_to_ours(channels):
    for name, channel in channels.items():
        fed = FedPv(channel, is_writable=False, rules=channel.rules)
        for value in VALUES[name]:
            fed.publish(fed.coerce(value), None)


def shown(message):
    """Command, type, count, status, alarm and values: no units, ranges and times."""
    cmd, dtype, count, status, _, body, _ = message
    if cmd != ca.READ_NOTIFY or status != 1:
        return (cmd, dtype, status)
    native = 0 if dtype > 36 else dtype % 7
    alarm = struct.unpack_from("!hh", body) if 7 <= dtype < 35 else ()
    form = "!" + script.FORMATS[native]
    size = struct.calcsize(form)
    start = script.OFFSETS[dtype]
    values = [struct.unpack_from(form, body, start + i * size)[0] for i in range(count)]
    if native == 0:
        values = list(map(script.text, values))
    return (cmd, dtype, count, status, alarm, repr(values))


def is_text(name):
    """Reading a text as ENUM changes the record in EPICS base: nothing to compare."""
    record, field = name.split(".")
    spec = fields_of(RECORDS[record]).get(field)
    return spec is not None and spec.kind in ("string", "link")


async def answers(client, name):
    """What the gets of all types and counts are answered, by case."""
    try:
        channel = await client.create(f"X:{name}")
    except KeyError:
        return {f"field/{name}/connect": "CREATE_CH_FAIL"}
    found = {f"field/{name}/connect": (channel.dtype, channel.count)}
    asked = [
        (dtype, count)
        for dtype in TYPES
        if not (is_text(name) and script.TYPES[dtype].endswith("ENUM"))
        for count in COUNTS
    ]
    await client.send(
        b"".join(
            ca.message(ca.READ_NOTIFY, dtype, count, channel.sid, 7)
            for dtype, count in asked
        )
    )
    for dtype, count in asked:
        case = f"field/{name}/{script.TYPES[dtype]}/{count}"
        found[case] = shown(await client.receive())
    return found


@pytest.mark.timeout(120)
async def test_every_field_type_and_count(port, serving):
    async def forward(name, value):
        raise AssertionError("nothing is put here")

    channels = declare(PVS, prefix="X:", forward=forward)
    pvdb = {data.pvname: data for data in channels.values()}
    base, ours = ca.RawClient(), ca.RawClient()
    with serving_base("fields.db") as base_port:
        async with serving(pvdb):
            await base.connect(base_port)
            await ours.connect(port)
            for name in PVS:
                await put_to_base(base, name)
            post_to_ours(channels)
            different = {}
            for name in names():
                theirs, own = await answers(base, name), await answers(ours, name)
                for case in theirs.keys() | own.keys():
                    if theirs.get(case) != own.get(case):
                        different[case] = (theirs.get(case), own.get(case))
            base.close()
            ours.close()
    check(different, {"field"})


def test_each_served_record_type_is_compared():
    assert set(RECORDS.values()) == set(RECORD_TYPES)
