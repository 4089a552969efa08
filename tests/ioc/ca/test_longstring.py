"""Long strings with every kind of write and read that client libraries use."""

import subprocess
import sys

import aioca
import numpy as np
import pytest
from caproto import CaprotoValueError
from caproto.server import PVGroup, pvproperty

from sswd.ioc.ca import post
from sswd.ioc.pvs.longstring import LongString, LongStringRO, decode_text, encode_text
from sswd.testing import child_env


class Group(PVGroup):
    text = pvproperty(
        dtype=LongString, max_length=100, value="hello", record="lso", doc="a text"
    )
    told = pvproperty(dtype=LongStringRO, max_length=100, value="told", record="lsi")
    got = ()

    @text.putter
    async def text(self, instance, value):
        self.got = (*self.got, value)


@pytest.fixture
async def group(port, serving):
    group = Group(prefix="S:")
    async with serving(group.pvdb) as context:
        group.context = context
        yield group


LONG = "x" * 100


@pytest.mark.parametrize("name", ["S:text", "S:text$", "S:text.VAL$", "S:text.VAL"])
async def test_every_write_and_read(group, raw, name):
    client = await raw()
    chan = await client.create(name)
    assert (chan.dtype, chan.count, chan.rights) == (4, 100, 3)
    for body, dtype, count, text in (
        (b"as string\0", 0, 1, "as string"),  # caput
        (b"as chars\0", 4, 9, "as chars"),  # caput -S, with its NUL
        (b"no nul", 4, 6, "no nul"),
        (b"padded\0\0\0\0xyz", 4, 13, "padded"),
        (LONG.encode(), 4, 100, LONG),
        (b"\0", 4, 1, ""),
        ("µm".encode(), 4, 3, "µm"),
        (b"\xb5m", 4, 2, "\udcb5m"),  # latin-1: kept as it is
    ):
        assert (await client.put(chan, body, dtype, count)).p1 == 1
        assert (group.text.value, group.got[-1]) == (text, text)
        got = await client.get(chan)
        assert got.body[: got.count] == encode_text(text)
        got = await client.get(chan, count=100)
        assert (got.count, decode_text(got.body)) == (100, text)
        as_string = (await client.get(chan, 0)).body.partition(b"\0")[0]
        assert as_string == encode_text(text)[:39]


async def test_too_long_is_refused(group, raw):
    client = await raw()
    chan = await client.create("S:text")
    with pytest.raises(CaprotoValueError, match="101 bytes does not fit into 100"):
        post(group.text, "x" * 101)
    # More elements than the PV has are cut off, as EPICS base does.
    assert (await client.put(chan, b"y" * 104, 4, 104)).p1 == 1
    assert group.text.value == "y" * 100


async def test_read_only(group, raw):
    client = await raw()
    chan = await client.create("S:told")
    assert chan.rights == 1
    assert (await client.put(chan, b"x", 4, 1)).p1 == 376


async def test_fields(group, raw):
    client = await raw()
    for field, text in (("RTYP", b"lso"), ("DESC", b"a text")):
        got = await client.get(await client.create(f"S:text.{field}"), 0)
        assert got.body.partition(b"\0")[0] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (b"bytes\0y", "bytes"),
        (["one"], "one"),
        ([104, 105], "hi"),
        (np.frombuffer(b"array", np.uint8), "array"),
        ("", ""),
    ],
)
async def test_what_python_may_write(group, value, text):
    await group.told.write(value)
    assert group.told.value == text
    await group.told.write("")
    post(group.told, value)
    assert group.told.value == text


@pytest.mark.parametrize("value", [None, 5.5, {}])
def test_what_is_no_text(value):
    with pytest.raises(CaprotoValueError, match="takes text"):
        post(Group(prefix="S:").told, value)


PYEPICS = """
import epics
text = epics.PV("S:text")
assert text.wait_for_connection(5)
assert text.put("by pyepics " + "z" * 60, wait=True)
print(text.get(as_string=True, use_monitor=False))
signal_text = epics.caget("S:text.VAL$", as_string=True)
print(signal_text)
print(epics.caget("S:told", as_string=True))
print(epics.caput("S:text", "", wait=True), repr(epics.caget("S:text", as_string=True)))
"""


async def test_pyepics(group):
    import asyncio

    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PYEPICS,
        stdout=subprocess.PIPE,
        env=child_env({}),
    )
    out, _ = await child.communicate()
    put = "by pyepics " + "z" * 60
    assert out.decode().splitlines() == [put, put, "told", "1 ''"]


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # aioca's
async def test_aioca(serving):
    """In this process: aioca has read the environment's port already."""
    group = Group(prefix="S:")
    async with serving(group.pvdb):
        seen = []
        monitor = aioca.camonitor(
            "S:text", seen.append, datatype=aioca.DBR_CHAR_STR, notify_disconnect=False
        )
        await aioca.caput("S:text", "by aioca", datatype=aioca.DBR_CHAR_STR, wait=True)
        assert await aioca.caget("S:text", datatype=aioca.DBR_CHAR_STR) == "by aioca"
        assert await aioca.caget("S:text", datatype=str) == "by aioca"
        await aioca.caput(
            "S:text", "as DBR_STRING", datatype=aioca.DBR_STRING, wait=True
        )
        assert group.text.value == "as DBR_STRING"
        monitor.close()
        assert seen
        aioca.purge_channel_caches()
