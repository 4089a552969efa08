"""Monitors: what is sent, when, and to whom under load."""

import asyncio
import os
import struct
import time
from typing import ClassVar

import numpy as np
import psutil
import pytest
from ca_raw import (
    ACCESS_RIGHTS,
    CLEAR_CHANNEL,
    ECHO,
    EVENT_ADD,
    EVENT_CANCEL,
    EVENTS_OFF,
    EVENTS_ON,
    message,
)
from caproto import AccessRights, AlarmSeverity, AlarmStatus, ChannelAlarm
from caproto.server import PVGroup, pvproperty

from sswd.alarm import Alarm
from sswd.ioc.ca import post, set_alarm
from sswd.ioc.ca.circuit.output import PAUSED

SECONDS = float(os.environ.get("SSWD_STALL_SECONDS", "2"))
"""How long the stalled-subscriber tests run; 30 in `make soak`."""
GAP_S = 0.5
"""50 ms on a quiet machine; here only a freeze is to be seen."""
MB = 1 << 20


class Group(PVGroup):
    number = pvproperty(value=0.0, record="ai", alarm_group="own", units="mm")
    other = pvproperty(value=0.0, record="ai")
    array = pvproperty(value=[0.0], max_length=10_000, record="waveform")
    image = pvproperty(dtype=bytes, value=b"", max_length=4 * MB, record="waveform")
    closed = pvproperty(value=1.0, record="ai")


@pytest.fixture
async def group(port, serving):
    group = Group(prefix="M:")
    async with serving(group.pvdb) as context:
        group.context = context
        yield group


def double(got):
    return struct.unpack_from("!d", got.body, len(got.body) - 8)[0]


async def started(client, name, **options):
    """A channel with a monitor whose first event has been taken."""
    chan = await client.create(name)
    await client.monitor(chan, **options)
    await client.receive_until(EVENT_ADD)
    return chan


async def test_every_value_arrives_in_order(group, raw):
    client = await raw()
    await started(client, "M:number", dtype=20)
    for value in range(1000):
        post(group.number, float(value))
    got = [await client.receive() for _ in range(1000)]
    assert [double(m) for m in got] == list(range(1000))


async def test_values_of_several_pvs_keep_their_order(group, raw):
    """What is posted before is sent before."""
    client = await raw()
    await started(client, "M:number", subid=1)
    await started(client, "M:other", subid=2)
    for value in range(100):
        post(group.number, float(value))
        post(group.other, float(value))
    got = [(await client.receive()).p2 for _ in range(200)]
    assert got == [1, 2] * 100


async def test_masks_select(group, raw):
    client = await raw()
    for subid, mask in enumerate((1, 2, 4, 8)):
        await started(client, "M:number", dtype=13, mask=mask, subid=subid)
    post(group.number, 1.0)
    set_alarm(group.number, Alarm(2, 3))
    await group.number.alarm.write(
        status=AlarmStatus.LOLO, severity=AlarmSeverity.MAJOR_ALARM
    )
    await group.number.write_metadata(units="cm")
    await client.send(message(ECHO))
    got = []
    while (m := await client.receive()).cmd != ECHO:
        got.append((m.p2, *struct.unpack_from("!hh", m.body)))
    # value and log by the post, alarm by set_alarm and caproto, property by the units
    assert got == [(0, 0, 0), (1, 0, 0), (2, 3, 2), (2, 5, 2), (3, 5, 2)]


async def test_an_alarm_is_not_sent_twice(group, raw):
    client = await raw()
    await started(client, "M:number", dtype=13, mask=5)
    for _ in range(3):
        set_alarm(group.number, Alarm(3, 9))
    await client.send(message(ECHO))
    assert (await client.receive()).cmd == EVENT_ADD
    assert (await client.receive()).cmd == ECHO


async def test_a_shared_alarm_is_told_on_all_its_pvs(port, serving, raw):
    class Shared(PVGroup):
        one = pvproperty(value=1.0)
        two = pvproperty(value=2.0)

    group = Shared(prefix="M:")
    async with serving(group.pvdb):
        client = await raw()
        await started(client, "M:one", dtype=13, mask=4, subid=1)
        await started(client, "M:two", dtype=13, mask=4, subid=2)
        set_alarm(group.one, Alarm(3, 9))
        assert {(await client.receive()).p2 for _ in range(2)} == {1, 2}


async def test_an_alarm_replaced_later_counts(group, raw):
    """The daemon gives each PV an alarm of its own after it was made."""
    client = await raw()
    await started(client, "M:number", dtype=13, mask=4)
    group.number.alarm = ChannelAlarm()
    set_alarm(group.number, Alarm(3, 9))
    assert struct.unpack_from("!hh", (await client.receive()).body) == (9, 3)


async def test_cancel_is_the_last_word(group, raw):
    client = await raw()
    chan = await started(client, "M:number", subid=5)
    post(group.number, 1.0)
    await client.send(message(EVENT_CANCEL, 6, 0, chan.sid, 5))
    assert double(await client.receive()) == 1.0
    last = await client.receive()
    assert (last.cmd, last.p1, last.p2, last.body) == (EVENT_ADD, chan.sid, 5, b"")
    post(group.number, 2.0)
    await client.send(message(ECHO))
    assert (await client.receive()).cmd == ECHO
    assert group.context.counts.subscriptions == 0


async def test_clear_channel_ends_its_monitors(group, raw):
    client = await raw()
    chan = await started(client, "M:number", subid=5)
    await client.send(message(CLEAR_CHANNEL, 0, 0, chan.sid, chan.cid))
    await client.receive_until(CLEAR_CHANNEL)
    post(group.number, 2.0)
    await client.send(message(ECHO))
    assert (await client.receive()).cmd == ECHO
    assert group.context.counts.channels == group.context.counts.subscriptions == 0


@pytest.mark.row(24)
async def test_events_off_then_on_brings_the_newest_of_each(group, raw):
    client = await raw()
    await started(client, "M:number", subid=1)
    await started(client, "M:other", subid=2)
    await client.send(message(EVENTS_OFF) + message(ECHO))
    await client.receive_until(ECHO)
    for value in range(1, 5001):
        post(group.number, float(value))
        post(group.other, -float(value))
    await client.send(message(ECHO))
    assert (await client.receive()).cmd == ECHO
    await client.send(message(EVENTS_ON))
    got = [await client.receive() for _ in range(2)]
    assert [(m.p2, double(m)) for m in got] == [(1, 5000.0), (2, -5000.0)]


async def test_access_is_pushed_when_it_changes(group, raw):
    client = await raw()
    chan = await started(client, "M:closed", subid=5)
    assert chan.rights == 3
    group.closed.check_access = lambda host, user: AccessRights.NO_ACCESS
    group.context.access_changed()
    rights = await client.receive()
    assert (rights.cmd, rights.p1, rights.p2) == (ACCESS_RIGHTS, chan.cid, 0)
    closed = await client.receive()
    assert (closed.cmd, closed.p1, closed.p2) == (EVENT_ADD, 368, 5)
    assert (await client.get(chan)).p1 == 368
    post(group.closed, 2.0)
    group.closed.check_access = lambda host, user: AccessRights.READ
    group.context.access_changed()
    assert (await client.receive()).p2 == 1
    opened = await client.receive()
    assert (opened.cmd, opened.p1, double(opened)) == (EVENT_ADD, 1, 2.0)
    post(group.closed, 3.0)
    assert double(await client.receive()) == 3.0


async def test_time_stamp_filter_stamps_now(group, raw):
    client = await raw()
    await started(client, 'M:number.{"ts":{}}', dtype=20)
    post(group.number, 1.0, 1e9)
    got = await client.receive()
    stamp = struct.unpack_from("!I", got.body, 4)[0] + 631152000
    assert abs(stamp - time.time()) < 5


async def test_sync_filter_of_a_caproto_group(port, serving, raw):
    class States(PVGroup):
        states: ClassVar = {"blue": False}
        pv = pvproperty(value=0.0)

        async def change(self, value):
            async with self.update_state("blue", value):
                pass

    group = States(prefix="M:")
    async with serving(group.pvdb):
        client = await raw()
        chan = await client.create('M:pv.{"while":"blue"}')
        await client.monitor(chan)
        post(group.pv, 1.0)
        await group.change(True)
        await group.pv.write(2.0, verify_value=False)
        assert double(await client.receive()) == 2.0
        await client.send(message(ECHO))
        assert (await client.receive()).cmd == ECHO


# ---- clients that do not read


class Reader:
    """A healthy subscriber: notes values and the longest gap between them."""

    def __init__(self, client):
        self.client, self.values, self.gap_s = client, [], 0.0

    async def run(self, last):
        before_s = None
        while not self.values or self.values[-1] != last:
            got = await self.client.receive()
            now_s = time.monotonic()
            if before_s is not None:
                self.gap_s = max(self.gap_s, now_s - before_s)
            before_s = now_s
            self.values.append(struct.unpack_from("!d", got.body)[0])


def rss():
    return psutil.Process().memory_info().rss


async def flood(hz, seconds, publish):
    """Call publish(n) for n = 1... at this rate; how many it were."""
    start_s = time.monotonic()
    count = 0
    while time.monotonic() - start_s < seconds:
        count += 1
        publish(float(count))
        await asyncio.sleep(max(0, start_s + count / hz - time.monotonic()))
    return count


@pytest.mark.timing
@pytest.mark.row(23)
@pytest.mark.timeout(120)
async def test_one_stalled_subscriber_hurts_nobody(group, raw):
    """1 kHz: the healthy client loses nothing, memory is flat, the stalled recovers."""
    stalled, healthy = await raw(rcvbuf=4096), await raw()
    await started(stalled, "M:number")
    await started(healthy, "M:number")
    # Fill the kernel's buffers first, so that the stall is one from the beginning.
    while not group.context.counts.conflated:
        for value in range(1000):
            post(group.number, 1e6 + value)
        await asyncio.sleep(0)
        healthy.buffer.clear()
        while len(healthy.buffer) < 1000 * 24:
            await healthy._need(1000 * 24, 5)
    healthy.buffer.clear()
    post(group.number, 0.0)
    while double(await healthy.receive()) != 0.0:
        pass
    before = rss()
    reader = Reader(healthy)
    done = asyncio.create_task(reader.run(-1.0))
    count = await flood(1000, SECONDS, lambda value: post(group.number, value))
    grown = rss() - before
    post(group.number, -1.0)
    await done
    assert reader.values == [*map(float, range(1, count + 1)), -1.0]
    assert reader.gap_s < GAP_S
    assert grown < 5 * MB
    while double(await stalled.receive()) != -1.0:
        pass
    post(group.number, 5.0)
    assert double(await stalled.receive()) == 5.0


@pytest.mark.row(23)
@pytest.mark.timeout(120)
async def test_ten_stalled_on_arrays_cost_little(group, raw):
    """Ten that never read 10,000 doubles at 50 Hz: one frame each and 256 KiB."""
    stalled = [await raw(rcvbuf=4096) for _ in range(10)]
    for client in stalled:
        await started(client, "M:array")
    healthy = await raw()
    await started(healthy, "M:array")

    def publish(value):
        array = np.full(10_000, value)
        array.flags.writeable = False
        post(group.array, array)

    reader = Reader(healthy)
    done = asyncio.create_task(reader.run(-1.0))
    await flood(50, 0.5, publish)
    before = rss()
    count = await flood(50, SECONDS, publish)
    grown = rss() - before
    publish(-1.0)
    await done
    assert reader.values[-count - 1 :] == [*map(float, range(1, count + 1)), -1.0]
    assert grown < 10 * MB
    for client in stalled:
        while struct.unpack_from("!d", (await client.receive()).body)[0] != -1.0:
            pass


def paused_circuits(group):
    return [c for c in group.context.circuits if c.output.pressure is PAUSED]


async def test_a_client_that_asks_but_does_not_read_is_not_read(group, raw):
    """Its answers may not fill the memory; it goes on where it was when it reads."""
    group.array._data["value"] = np.zeros(10_000)
    client = await raw(rcvbuf=4096)
    chan = await client.create("M:array")
    asked = 1000
    before = rss()
    await client.send(b"".join(message(15, 6, 0, chan.sid, n) for n in range(asked)))
    async with asyncio.timeout(5):
        while not (paused := paused_circuits(group)):
            await asyncio.sleep(0.001)
    other = await raw()
    await other.get(await other.create("M:number"))
    assert rss() - before < 20 * MB
    assert paused[0].output.unsent_bytes < MB
    for n in range(asked):
        assert (await client.receive()).p2 == n


@pytest.mark.parametrize("reset", [True, False])
async def test_a_client_that_hangs_up_while_it_is_not_read(group, raw, reset):
    group.array._data["value"] = np.zeros(10_000)
    client = await raw(rcvbuf=4096)
    chan = await client.create("M:array")
    await client.send(b"".join(message(15, 6, 0, chan.sid, n) for n in range(500)))
    async with asyncio.timeout(5):
        while not paused_circuits(group):
            await asyncio.sleep(0.001)
        if reset:
            client.sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: RST
        client.close()
        while group.context.circuits:
            await asyncio.sleep(0.001)


async def test_a_subscriber_that_resets_during_an_update_disturbs_no_other(group, raw):
    """Its circuit may not close within the walk through the subscribers."""
    clients = [await raw() for _ in range(6)]
    for client in clients:
        await started(client, "M:number")
    for client in clients[::2]:
        client.sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: RST
        client.close()
    for value in range(3):
        for circuit in group.context.circuits:
            circuit.output.high = 0  # every event tries the socket at once
        post(group.number, float(value))
    for client in clients[1::2]:
        while double(await client.receive()) != 2.0:
            pass
