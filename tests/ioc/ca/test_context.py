"""The server as a whole: hooks, ports, beacons, shutdown, caproto's own ways."""

import asyncio
import logging
import socket
import struct
import time

import caproto
import pytest
from ca_raw import EVENT_ADD, READ_NOTIFY, RawClient, message
from caproto.asyncio.server import Context as CaprotoContext
from caproto.server import PVGroup, pvproperty

from sswd.alarm import Alarm
from sswd.ioc.ca import fill_record_fields, post, set_alarm
from sswd.ioc.ca.server import ports


class Group(PVGroup):
    number = pvproperty(
        value=1.0,
        record="ai",
        units="mm",
        precision=3,
        alarm_group="n",
        doc="A value that is described in   more than forty characters",
    )
    plain = pvproperty(value=1)
    getter = pvproperty(value=0, record="longin")
    broken = pvproperty(value=0, alarm_group="b")
    closed = pvproperty(value=0)
    count = 0

    @getter.getter
    async def getter(self, instance):
        self.count += 1
        await asyncio.sleep(0)
        return self.count

    @broken.getter
    async def broken(self, instance):
        raise ValueError("no reading")


@pytest.fixture
async def group(port, serving):
    group = Group(prefix="C:")
    async with serving(group.pvdb) as context:
        group.context = context
        yield group


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_record_fields_answer(group, raw):
    client = await raw()
    expected = {
        "EGU": "mm",
        "RTYP": "ai",
        "DESC": "A value that is described in more than",
        "PREC": "3",
    }
    for field, text in expected.items():
        got = await client.get(await client.create(f"C:number.{field}"), 0)
        assert got.body.partition(b"\0")[0].decode().rstrip() == text
    chan = await client.create("C:number.DESC$")
    got = await client.get(chan)
    assert got.body[: got.count - 1].decode() == (
        "A value that is described in more than f"
    )


def test_a_field_that_was_set_is_kept():
    group = Group(prefix="C:")
    group.number.fields["EGU"]._data["value"] = "km"
    fill_record_fields(group.pvdb)
    fill_record_fields(group.pvdb)
    assert group.number.fields["EGU"].value == "km"


async def test_every_get_runs_the_getter(group, raw):
    client = await raw()
    chan = await client.create("C:getter")
    values = [struct.unpack("!i", (await client.get(chan)).body[:4])[0] for _ in "123"]
    assert values == [1, 2, 3]


async def test_a_getter_that_fails_is_told(group, raw, caplog):
    client = await raw()
    chan = await client.create("C:broken")
    for _ in range(3):
        got = await client.get(chan)
        assert (got.p1, got.body) == (152, b"")
    assert len([m for m in caplog.messages if "get of C:broken" in m]) == 1


async def test_the_getter_of_a_client_that_has_gone(group, raw):
    gate = asyncio.Event()

    async def waits(instance):
        await gate.wait()

    group.closed.getter = waits
    client = await raw()
    chan = await client.create("C:closed")
    await client.send(message(READ_NOTIFY, 5, 1, chan.sid, 1))
    await until(lambda: any(c.in_flight for c in group.context.circuits))
    client.close()
    await until(lambda: not group.context.circuits)
    gate.set()
    await until(lambda: not any(c.in_flight for c in group.context.circuits))


class Hooks(PVGroup):
    good = pvproperty(value=0)
    bad = pvproperty(value=0, alarm_group="bad")
    scanned = pvproperty(value=0, alarm_group="scanned")
    ended = ()

    @good.startup
    async def good(self, instance, async_lib):
        await instance.write(7)

    @good.shutdown
    async def good(self, instance, async_lib):
        self.ended = (*self.ended, "good")

    @bad.startup
    async def bad(self, instance, async_lib):
        raise ValueError("at startup")

    @bad.shutdown
    async def bad(self, instance, async_lib):
        raise ValueError("at shutdown")

    @scanned.scan(period=0.001, stop_on_error=True)
    async def scanned(self, instance, async_lib):
        raise ValueError("in a scan")


async def test_a_hook_that_fails_stays_alone(port, serving, raw, caplog):
    group = Hooks(prefix="H:")
    hooked = []

    async def startup_hook(async_lib):
        hooked.append(async_lib.name)
        raise RuntimeError("in the hook")

    async with serving(group.pvdb, startup_hook=startup_hook) as context:
        await until(lambda: context.counts.hook_failures == 3)
        client = await raw()
        got = await client.get(await client.create("H:good"), 5)
        assert got.body[:4] == struct.pack("!i", 7)
        assert group.bad.alarm.severity == 3
        assert group.scanned.alarm.severity == 3
    assert hooked == ["asyncio"]
    assert group.ended == ("good",)
    assert context.counts.hook_failures == 4
    assert len([r for r in caplog.records if r.exc_info]) >= 4


# ---- connections


async def test_nagle_is_off_and_a_host_that_died_is_noticed(group, raw):
    await (await raw()).create("C:number")
    (circuit,) = group.context.circuits

    def option(name, level=socket.IPPROTO_TCP):
        return circuit.sock.getsockopt(level, getattr(socket, name))

    assert option("TCP_NODELAY")
    assert option("SO_KEEPALIVE", socket.SOL_SOCKET)
    silent_s = option("TCP_KEEPIDLE") + option("TCP_KEEPINTVL") * option("TCP_KEEPCNT")
    assert silent_s == group.context.limits.half_open_s


# ---- beacons


async def test_nobody_listening_for_beacons_makes_no_noise(
    serving, monkeypatch, caplog
):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = unused.getsockname()[1]
    monkeypatch.setenv("EPICS_CAS_BEACON_ADDR_LIST", f"127.0.0.1:{nobody}")
    async with serving({}) as context:
        await until(lambda: context._beacons._count > 4)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.mark.timing
async def test_beacons_begin_again_when_pvs_were_added(port, serving, monkeypatch, raw):
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.setblocking(False)
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("EPICS_CAS_BEACON_ADDR_LIST", address)
    monkeypatch.setenv("EPICS_CAS_BEACON_PERIOD", "15")

    async def next_beacon():
        async with asyncio.timeout(5):
            data = await asyncio.get_running_loop().sock_recv(listener, 100)
        cmd, _, minor, served, count, host = struct.unpack("!HHHHI4s", data)
        assert (cmd, minor, served, host) == (13, 13, port, b"\x7f\0\0\1")
        return count

    pvdb = {}
    async with serving(pvdb) as context:
        # The pause doubles each time: 2.56 s would follow now, then 5.12 s.
        assert [await next_beacon() for _ in range(8)] == list(range(8))
        pvdb["C:new"] = caproto.ChannelDouble(value=5.0)
        added_s = time.monotonic()
        assert [await next_beacon() for _ in range(3)] == [8, 9, 10]
        assert time.monotonic() - added_s < 5
        assert context.port == port
        client = await raw()
        assert (await client.get(await client.create("C:new"))).p1 == 1
    listener.close()


# ---- caproto's own server


async def test_post_and_alarms_work_under_caprotos_own_context(port):
    """Whoever runs a group without the daemon gets updates as well, once each."""
    group = Group(prefix="C:")
    context = CaprotoContext(group.pvdb)
    task = asyncio.create_task(context.run())
    client = RawClient()
    async with asyncio.timeout(5):
        while True:
            try:
                await client.connect(port)
                break
            except OSError:
                client.close()
                client = RawClient()
                await asyncio.sleep(0.01)
    chan = await client.create("C:number")
    await client.monitor(chan, 13, mask=5)
    await client.receive_until(EVENT_ADD)
    for value in (2.0, 3.0):
        post(group.number, value)
        got = await client.receive_until(EVENT_ADD)
        assert struct.unpack("!d", got.body[8:]) == (value,)
    set_alarm(group.number, Alarm(3, 9))
    got = await client.receive_until(EVENT_ADD)
    assert struct.unpack_from("!hh", got.body) == (9, 3)
    client.close()
    await until(lambda: not context.circuits)
    task.cancel()
    await task


async def test_a_pv_served_by_both_contexts_tells_both(group, raw):
    """A ServedPv hides caproto's publish from nobody."""
    seen = []

    class Queue:
        async def put(self, update):
            seen.append(update.values)

    spec = caproto.server.common.SubscriptionSpec(
        group.number,
        "DOUBLE",
        caproto.SubscriptionType.DBE_VALUE,
        caproto.ChannelFilter(ts=False, dbnd=None, arr=None, sync=None),
    )
    client = await raw()
    await client.monitor(await client.create("C:number"))
    await client.receive_until(EVENT_ADD)
    await group.number.subscribe(Queue(), spec, None)
    post(group.number, 8.0)
    assert struct.unpack("!d", (await client.receive()).body) == (8.0,)
    assert [float(v[0]) for v in seen] == [1.0, 8.0]


async def test_nothing_is_left_after_the_end(port, serving):
    before = set(asyncio.all_tasks())
    group = Group(prefix="C:")
    async with serving(group.pvdb):
        client = RawClient()
        await client.connect(port)
        await client.create("C:number")
    assert await client.closed_by_server()
    client.close()
    await asyncio.sleep(0)
    assert set(asyncio.all_tasks()) == before
    again = ports.listen(["127.0.0.1"])
    assert again[0] == port
    again[1]["127.0.0.1"].close()


def test_fields_of_a_users_group_show_what_unused_ones_show_in_base():
    class Classic(PVGroup):
        plain = pvproperty(value=1.0, record="ai")
        limited = pvproperty(
            value=1.0, record="ai", upper_alarm_limit=9, lower_alarm_limit=-9
        )

    group = Classic(prefix="P:")
    fill_record_fields(group.pvdb)

    def shown(pv: str, field: str) -> object:
        return group.pvdb[f"P:{pv}"].get_field(field)._data["value"]

    assert [shown("plain", f) for f in ("DISP", "PROC", "UDF")] == [b"\0"] * 3
    assert [shown("plain", f) for f in ("FLNK", "INP", "SDIS")] == [""] * 3
    for field in ("HHSV", "HSV", "LSV", "LLSV"):
        assert shown("plain", field) == "NO_ALARM"
    assert shown("limited", "HHSV") == "MAJOR"
    assert shown("limited", "HSV") == "NO_ALARM"
