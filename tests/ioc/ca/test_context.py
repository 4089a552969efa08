import asyncio
import struct

import pytest
from caproto.server import PVGroup, pvproperty

from sswd.errors import CommandFailed, PortTakenError
from sswd.ioc.ca import Context, post, set_alarm
from sswd.ioc.longstring import LongString


class Group(PVGroup):
    value = pvproperty(
        value=1.0,
        record="ai",
        units="mm",
        doc="A value that is described in far more than forty characters",
        precision=3,
    )
    text = pvproperty(
        dtype=LongString, max_length=100, record="lsi", value="hello", doc="text"
    )
    bad = pvproperty(value=1, record="longout")
    order: list

    @bad.putter
    async def bad(self, instance, value):
        raise CommandFailed("no")

    slow = pvproperty(value=0, record="longout")

    @slow.putter
    async def slow(self, instance, value):
        self.order.append(("start", value))
        await asyncio.sleep(0.05 / value)
        self.order.append(("end", value))

    hook = pvproperty(value=0, record="longin", alarm_group="hook")

    @hook.startup
    async def hook(self, instance, async_lib):
        raise ValueError("hook")


async def test_all(serving, raw):
    g = Group(prefix="T:")
    g.order = []
    async with serving(g.pvdb) as ctx:
        assert ctx.counts.hook_failures == 1
        assert g.hook.alarm.severity == 3
        c = await raw()
        ch = await c.create("T:value")
        m = await c.get(ch)
        assert struct.unpack("!d", m.body) == (1.0,)
        for name, want in [
            ("T:value.EGU", b"mm"),
            ("T:value.RTYP", b"ai"),
            ("T:value.DESC", b"A value that is described in far more t"),
        ]:
            m = await c.get(await c.create(name), 0)
            assert m.body.rstrip(b"\0")[:39] == want
        bad = await c.create("T:bad")
        m = await c.put(bad, struct.pack("!i", 3))
        assert m.p1 == 160
        slow = await c.create("T:slow")
        await c.put(slow, struct.pack("!i", 1), notify=False)
        m = await c.put(slow, struct.pack("!i", 2))
        assert m.p1 == 1
        assert g.order == [("start", 1), ("end", 1), ("start", 2), ("end", 2)]
        post(g.value, 5.5, 1e9)
        assert struct.unpack("!d", (await c.get(ch)).body) == (5.5,)
        set_alarm(g.value, 9, 3)
        for n in ("T:text", "T:text$", "T:text.VAL$"):
            t = await c.create(n)
            assert (t.dtype, t.count) == (4, 100)
            m = await c.put(t, b"abc\0", 0, 1)
            assert m.p1 == 1
            m = await c.get(t)
            assert m.body == b"abc\0\0\0\0\0" and m.count == 3
            m = await c.put(t, b"def\0x", 4, 5)
            m = await c.get(t, 0)
            assert m.body.rstrip(b"\0") == b"def"


async def test_port_taken(serving, port):
    async with serving({}):
        with pytest.raises(PortTakenError):
            await Context({}).run()
