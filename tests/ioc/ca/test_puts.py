"""Puts as clients see them: order, completion, truth about failures."""

import asyncio
import struct

import pytest
from ca_raw import (
    ERROR,
    READ_NOTIFY,
    WRITE,
    WRITE_NOTIFY,
    message,
)
from caproto import SkipWrite
from caproto.server import PVGroup, pvproperty

from sswd.errors import CommandFailed, PostRefused
from sswd.ioc.ca import Limits, post

NORMAL, PUTFAIL, NOWTACCESS = 1, 160, 376


def integer(value):
    return struct.pack("!i", value)


class Group(PVGroup):
    plain = pvproperty(value=0, record="longout")
    slow = pvproperty(value=0, record="longout", alarm_group="slow")
    ledger = pvproperty(value=0, record="longout", alarm_group="ledger")
    failing = pvproperty(value=0, record="longout", alarm_group="failing")
    crashing = pvproperty(value=0, record="longout", alarm_group="crashing")
    accepted = pvproperty(value=0, record="longout", alarm_group="accepted")
    waiting = pvproperty(value=0, record="longout", alarm_group="waiting")
    read_only = pvproperty(value=0, record="longin", read_only=True)
    limited = pvproperty(
        value=0.0, record="ao", lower_ctrl_limit=0, upper_ctrl_limit=10
    )
    big = pvproperty(value=[0.0], max_length=100_000, record="waveform")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []
        self.gates = {}
        self.ledger.puts_overlap = True

    def gate(self, value):
        return self.gates.setdefault(value, asyncio.Event())

    async def forward(self, instance, value):
        self.seen.append(("start", value))
        await self.gate(value).wait()
        self.seen.append(("end", value))

    @slow.putter
    async def slow(self, instance, value):
        await self.forward(instance, value)

    @ledger.putter
    async def ledger(self, instance, value):
        await self.forward(instance, value)

    @failing.putter
    async def failing(self, instance, value):
        kind = CommandFailed if value == 2 else PostRefused
        raise kind(f"told to fail {value}")

    @crashing.putter
    async def crashing(self, instance, value):
        raise ZeroDivisionError("a bug")

    @accepted.putter
    async def accepted(self, instance, value):
        post(instance, value)
        await self.gate(value).wait()
        raise SkipWrite

    @waiting.putter
    async def waiting(self, instance, value):
        async with asyncio.timeout(5):
            await asyncio.sleep(0)


@pytest.fixture
async def group(port, serving):
    group = Group(prefix="P:")
    async with serving(group.pvdb) as context:
        group.context = context
        yield group


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_put_then_get_on_one_circuit_sees_the_new_value(group, raw):
    client = await raw()
    chan = await client.create("P:plain")
    await client.send(
        message(WRITE, 5, 1, chan.sid, 1, integer(7))
        + message(READ_NOTIFY, 5, 1, chan.sid, 2)
        + message(WRITE_NOTIFY, 5, 1, chan.sid, 3, integer(8))
        + message(READ_NOTIFY, 5, 1, chan.sid, 4)
    )
    got = [await client.receive_until(cmd) for cmd in (15, 19, 15)]
    assert [got[0].body[:4], got[2].body[:4]] == [integer(7), integer(8)]
    assert (got[1].p1, got[1].p2) == (NORMAL, 3)


async def test_the_accepted_value_reads_back_while_the_command_runs(group, raw):
    client = await raw()
    chan = await client.create("P:accepted")
    await client.send(message(WRITE_NOTIFY, 5, 1, chan.sid, 3, integer(8)))
    assert (await client.get(chan)).body[:4] == integer(8)
    group.gate(8).set()
    assert (await client.receive_until(WRITE_NOTIFY)).p1 == NORMAL
    assert group.accepted.value == 8


async def test_two_puts_first_slow_run_in_order_and_replies_match(group, raw):
    first, second = await raw(), await raw()
    chans = [await client.create("P:slow") for client in (first, second)]
    await first.send(message(WRITE_NOTIFY, 5, 1, chans[0].sid, 11, integer(1)))
    await until(lambda: group.seen == [("start", 1)])
    await second.send(message(WRITE_NOTIFY, 5, 1, chans[1].sid, 22, integer(2)))
    group.gate(2).set()
    await second.get(chans[1])
    assert group.seen == [("start", 1)]
    group.gate(1).set()
    replies = [await c.receive_until(WRITE_NOTIFY) for c in (first, second)]
    assert [(r.p1, r.p2) for r in replies] == [(NORMAL, 11), (NORMAL, 22)]
    assert group.seen == [("start", 1), ("end", 1), ("start", 2), ("end", 2)]
    assert group.slow.value == 2


async def test_marked_pvs_start_every_put_at_once(group, raw):
    client = await raw()
    chan = await client.create("P:ledger")
    puts = [message(WRITE_NOTIFY, 5, 1, chan.sid, n, integer(n)) for n in (1, 2, 3)]
    await client.send(b"".join(puts))
    await until(lambda: len(group.seen) == 3)
    assert group.seen == [("start", 1), ("start", 2), ("start", 3)]
    for n in (3, 1, 2):
        group.gate(n).set()
        assert (await client.receive_until(WRITE_NOTIFY)).p2 == n


async def test_a_put_outlives_its_client(group, raw):
    client = await raw()
    chan = await client.create("P:slow")
    await client.send(message(WRITE_NOTIFY, 5, 1, chan.sid, 1, integer(5)))
    await until(lambda: group.seen == [("start", 5)])
    client.close()
    await until(lambda: group.context.counts.connections == 0)
    group.gate(5).set()
    await until(lambda: group.slow.value == 5)
    assert group.context.counts.puts_in_flight == 0


async def test_failure_is_told_in_the_callback_and_in_one_line(group, raw, caplog):
    client = await raw()
    chan = await client.create("P:failing")
    for _ in range(20):
        assert (await client.put(chan, integer(1))).p1 == PUTFAIL
    lines = [r for r in caplog.records if "P:failing" in r.getMessage()]
    assert len(lines) == 1
    assert lines[0].exc_info is None
    assert lines[0].getMessage() == (
        "put to P:failing by tester@127.0.0.1 failed: PostRefused: told to fail 1"
    )
    assert group.context.counts.failed_puts == 20


async def test_an_unknown_exception_comes_with_its_traceback_once(group, raw, caplog):
    client = await raw()
    chan = await client.create("P:crashing")
    for _ in range(3):
        assert (await client.put(chan, integer(1))).p1 == PUTFAIL
    traces = [r for r in caplog.records if r.exc_info]
    assert len(traces) == 1
    assert traces[0].exc_info[0] is ZeroDivisionError


async def test_a_failing_put_without_callback_is_a_ca_error(group, raw):
    client = await raw()
    chan = await client.create("P:failing")
    await client.put(chan, integer(3), notify=False)
    error = await client.receive_until(ERROR)
    assert (error.p1, error.p2) == (chan.cid, PUTFAIL)
    assert b"P:failing: told to fail 3\0" in error.body


async def test_no_write_access(group, raw):
    client = await raw()
    chan = await client.create("P:read_only")
    assert chan.rights == 1
    assert (await client.put(chan, integer(1))).p1 == NOWTACCESS
    await client.put(chan, integer(1), notify=False)
    assert (await client.receive_until(ERROR)).p2 == NOWTACCESS


async def test_limits_refuse_and_do_not_clamp(group, raw):
    client = await raw()
    chan = await client.create("P:limited")
    assert (await client.put(chan, struct.pack("!d", 11))).p1 == PUTFAIL
    assert group.limited.value == 0.0
    assert (await client.put(chan, struct.pack("!d", 10))).p1 == NORMAL


async def test_a_client_cannot_change_metadata(group, raw):
    """With caproto's own circuit a put of CTRL_DOUBLE sets units and limits."""
    client = await raw()
    chan = await client.create("P:limited")
    body = bytearray(88)
    body[8:16] = b"parsecs\0"
    struct.pack_into("!8d", body, 16, *[1000.0] * 8)
    struct.pack_into("!d", body, 80, 5.0)
    await client.put(chan, bytes(body), 34, notify=False)
    assert (await client.get(chan)).body == struct.pack("!d", 5)
    assert group.limited.units == ""
    assert group.limited.upper_ctrl_limit == 10


async def test_a_putter_may_use_asyncio_timeout(group, raw):
    client = await raw()
    chan = await client.create("P:waiting")
    assert (await client.put(chan, integer(1))).p1 == NORMAL


async def test_the_reply_to_100000_doubles_has_an_extended_header(group, raw):
    """It has no payload, but a count beyond 16 bits."""
    client = await raw()
    chan = await client.create("P:big")
    assert chan.count == 100_000
    reply = await client.put(chan, bytes(800_000), count=100_000)
    assert (reply.p1, reply.count, reply.extended) == (NORMAL, 100_000, True)
    assert len(group.big.value) == 100_000


async def test_too_many_puts_are_refused(port, serving, raw):
    group = Group(prefix="P:")
    limits = Limits(requests_in_flight=3)
    async with serving(group.pvdb, limits) as context:
        client = await raw()
        chan = await client.create("P:slow")
        puts = [message(WRITE_NOTIFY, 5, 1, chan.sid, n, integer(n)) for n in range(5)]
        await client.send(b"".join(puts))
        refused = [await client.receive_until(WRITE_NOTIFY) for _ in range(2)]
        assert [(r.p1, r.p2) for r in refused] == [(PUTFAIL, 3), (PUTFAIL, 4)]
        assert context.counts.over_limit == 2
        assert context.counts.puts_in_flight == 3
        for n in range(3):
            group.gate(n).set()
            assert (await client.receive_until(WRITE_NOTIFY)).p2 == n


async def test_puts_of_one_client_leave_turns_to_others(group, raw):
    """64 KiB of puts in one read are 1,170 calls of a putter."""
    pushy, other = await raw(), await raw()
    chan, mine = await pushy.create("P:failing"), await other.create("P:plain")
    count = 1000
    puts = [message(WRITE, 5, 1, chan.sid, n, integer(n)) for n in range(count)]
    pushy.sock.setblocking(True)
    pushy.sock.sendall(b"".join(puts))
    other.sock.setblocking(True)
    other.sock.sendall(message(READ_NOTIFY, 5, 1, mine.sid, 2))
    other.sock.setblocking(False)
    pushy.sock.setblocking(False)
    await other.receive_until(READ_NOTIFY)
    assert group.context.counts.failed_puts < count / 4
    for _ in range(count):
        await pushy.receive_until(ERROR)


async def test_shutdown_cancels_running_puts(port, serving, raw):
    group = Group(prefix="P:")
    async with serving(group.pvdb):
        client = await raw()
        chan = await client.create("P:slow")
        await client.send(message(WRITE_NOTIFY, 5, 1, chan.sid, 1, integer(1)))
        await until(lambda: group.seen == [("start", 1)])
    assert ("end", 1) not in group.seen
    assert await client.closed_by_server()


async def test_a_failed_command_is_left_to_the_desk_to_tell(group, raw, caplog):
    client = await raw()
    chan = await client.create("P:failing")
    assert (await client.put(chan, integer(2))).p1 == PUTFAIL
    assert not [r for r in caplog.records if "P:failing" in r.getMessage()]
