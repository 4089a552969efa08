"""Nonsense over TCP and UDP: the server lives, others are not disturbed."""

import asyncio
import contextlib
import random
import socket
import struct

import psutil
import pytest
from ca_raw import (
    CREATE_CHAN,
    ECHO,
    EVENT_ADD,
    HEADER,
    READ_NOTIFY,
    WRITE,
    message,
)
from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from sswd.ioc.pvs.longstring import LongString

MB = 1 << 20
SEED = 20_24


class Group(PVGroup):
    number = pvproperty(value=0.0, record="ao")
    integer = pvproperty(value=0, record="longout")
    text = pvproperty(dtype=ChannelType.STRING, value="", record="stringout")
    state = pvproperty(
        dtype=ChannelType.ENUM, value="a", enum_strings=["a", "b"], record="mbbo"
    )
    long = pvproperty(dtype=LongString, max_length=100, value="", record="lso")
    array = pvproperty(value=[0.0], max_length=10, record="waveform")
    image = pvproperty(dtype=bytes, value=b"", max_length=10, record="waveform")
    names = ("number", "integer", "text", "state", "long", "array", "image")


@pytest.fixture
async def group(port, serving):
    group = Group(prefix="R:")
    async with serving(group.pvdb) as context:
        group.context = context
        yield group


def rss():
    return psutil.Process().memory_info().rss


async def answers(client, chan):
    got = await client.get(chan)
    return got.p1 == 1


@pytest.mark.row(29)
async def test_messages_cut_at_every_byte(group, raw):
    client = await raw()
    chan = await client.create("R:integer")
    script = (
        message(WRITE, 5, 1, chan.sid, 1, struct.pack("!i", 7))
        + message(READ_NOTIFY, 5, 1, chan.sid, 2)
        + message(READ_NOTIFY, 20, 0, chan.sid, 3)
        + struct.pack("!HHHHIIII", 4, 0xFFFF, 5, 0, chan.sid, 4, 8, 1)
        + struct.pack("!ii", 9, 0)
        + message(READ_NOTIFY, 5, 1, chan.sid, 5)
    )
    whole = None
    noise = message(ECHO, body=b"\xff" * 400)
    for cut in range(1, len(script)):
        # So that nothing useful is left in a buffer from the round before.
        await client.send(noise)
        await client.receive_until(ECHO)
        for part in (script[:cut], script[cut:]):
            await client.send(part)
            await asyncio.sleep(0)
        got = [await client.receive() for _ in range(3)]
        seen = [(m.p2, m.body[-8:]) for m in got]
        whole = whole or seen
        assert seen == whole
    for byte in script:
        await client.send(bytes([byte]))
        await asyncio.sleep(0)
    assert [(await client.receive()).p2 for _ in range(3)] == [2, 3, 5]


@pytest.mark.row(29)
async def test_an_unknown_sid_ends_the_circuit_with_an_error(group, raw):
    """caproto leaves a zombie: no answer, no close."""
    client = await raw()
    await client.send(message(READ_NOTIFY, 5, 1, 4242, 1))
    error = await client.receive_until(11)
    assert error.p2 == 142
    assert b"Bad Resource ID" in error.body
    assert await client.closed_by_server()


async def test_ids_of_another_client_are_unknown(group, raw):
    one, two = await raw(), await raw()
    await one.create("R:integer")
    await one.create("R:number")
    chan = await one.create("R:text")
    await two.send(message(READ_NOTIFY, 0, 1, chan.sid, 1))
    assert await two.closed_by_server()
    assert await answers(one, chan)


def random_message(random, sids):
    """A message that is nearly right, or not at all."""
    cmd = random.choice([*range(28), random.randrange(65536)])
    dtype = random.choice([*range(40), random.randrange(65536)])
    count = random.choice([0, 1, 2, 10, 100, random.randrange(65536)])
    body = random.randbytes(random.choice([0, 0, 8, 16, 40, 400]))
    size = random.choice([len(body)] * 9 + [random.randrange(65536)])
    ids = [*sids, 0, 1, random.getrandbits(32)]
    return (
        HEADER.pack(cmd, size, dtype, count, random.choice(ids), random.choice(ids))
        + body
    )


@pytest.mark.row(29)
@pytest.mark.timeout(120)
async def test_five_thousand_fuzzed_messages(group, raw, caplog):
    fuzz = random.Random(SEED)
    healthy = await raw()
    mine = await healthy.create("R:number")
    before, sent, circuits = rss(), 0, 0
    while sent < 5000:
        client = await raw()
        circuits += 1
        sids = [(await client.create(f"R:{name}")).sid for name in Group.names]
        with contextlib.suppress(OSError):  # the server hangs up on nonsense
            for _ in range(100):
                await client.send(random_message(fuzz, sids))
                sent += 1
                await asyncio.sleep(0)
                with contextlib.suppress(BlockingIOError):
                    client.sock.recv(1 << 20)
        client.close()
        if circuits % 100 == 0:
            assert await answers(healthy, mine)
    assert await answers(healthy, mine)
    assert rss() - before < 20 * MB
    assert len(caplog.records) < 200
    assert not [r for r in caplog.records if r.levelname == "ERROR"], caplog.text


@pytest.mark.row(29)
@pytest.mark.timeout(120)
async def test_random_bytes_over_tcp(group, raw):
    fuzz = random.Random(SEED)
    healthy = await raw()
    mine = await healthy.create("R:number")
    for _ in range(200):
        client = await raw(version=fuzz.choice([None, 13]))
        with contextlib.suppress(OSError):
            await client.send(fuzz.randbytes(fuzz.randrange(1, 5000)))
            await asyncio.sleep(0)
        client.close()
    assert await answers(healthy, mine)


@pytest.mark.row(29)
@pytest.mark.timeout(120)
async def test_fuzz_over_udp(group, raw, port, caplog):
    fuzz = random.Random(SEED)
    healthy = await raw()
    mine = await healthy.create("R:number")
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setblocking(False)
    before = rss()
    for number in range(5000):
        junk = b"".join(random_message(fuzz, []) for _ in range(fuzz.randrange(4)))
        udp.sendto(fuzz.choice([junk, fuzz.randbytes(50)]), ("127.0.0.1", port))
        if number % 50 == 0:
            await asyncio.sleep(0)
    assert await answers(healthy, mine)
    search = message(0, 0, 13) + message(6, 5, 13, 77, 77, b"R:number\0")
    async with asyncio.timeout(5):
        while True:
            udp.sendto(search, ("127.0.0.1", port))
            await asyncio.sleep(0.02)
            with contextlib.suppress(BlockingIOError):
                while b"\0\0\0\x4d" not in udp.recv(65536):
                    pass
                break
    udp.close()
    assert rss() - before < 20 * MB
    assert len(caplog.records) < 50


async def test_a_flood_of_searches_is_bounded(group, raw, port):
    """10,000 datagrams within one turn of the loop: most are dropped, and counted."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    put = group.context.broadcaster_datagram_queue.put
    search = message(6, 5, 13, 77, 77, b"R:number\0")
    for _ in range(10_000):
        put(("127.0.0.1", search, udp.getsockname()))
    assert group.context.counts.searches_dropped == 9000
    client = await raw()
    assert await answers(client, await client.create("R:number"))
    udp.close()


async def test_strange_names(group, raw):
    client = await raw()
    for name in (
        b"",
        b"\xff" * 600,
        b"R:number." + b"{" * 500,
        b"R:number.[9999999999]",
        b'R:number.{"arr":{"s":"x"}}',
        b'R:number.{"dbnd":{"abs":[]}}',
        b"." * 99,
    ):
        await client.send(message(CREATE_CHAN, p1=1, p2=13, body=name + b"\0"))
        await client.send(message(ECHO))
        await client.receive_until(ECHO)
    assert await answers(client, await client.create("R:number"))


async def test_an_error_of_the_udp_socket_ends_nothing(group, raw, caplog):
    queue = group.context.broadcaster_datagram_queue
    for _ in range(3):
        queue.put(("127.0.0.1", OSError("no route"), None))
    client = await raw()
    assert await answers(client, await client.create("R:number"))
    assert len([m for m in caplog.messages if "no route" in m]) == 1


async def test_a_subscription_id_used_twice(group, raw):
    client = await raw()
    chan = await client.create("R:number")
    for _ in range(3):
        await client.monitor(chan, subid=5)
        await client.receive_until(EVENT_ADD)
    assert group.context.counts.subscriptions == 1


async def test_check_access_that_raises_is_not_the_end(group, raw):
    group.number.check_access = lambda host, user: 1 / 0
    client = await raw()
    await client.send(message(CREATE_CHAN, p1=1, p2=13, body=b"R:number\0"))
    assert (await client.receive_until(11)).p2 == 142
    assert await answers(client, await client.create("R:integer"))
