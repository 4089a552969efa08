"""Every bound of Limits: what happens beyond it, and what it counts."""

import asyncio
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from ca_raw import CREATE_CHAN, CREATE_FAIL, ECHO, ERROR, RawClient, message
from caproto.server import PVGroup, pvproperty

from sswd.ioc.ca import Limits, post
from sswd.ioc.ca.circuit.output import CONGESTED, FREE
from sswd.ioc.ca.server.circuits import NEWCOMER_S
from sswd.ioc.ca.server.reaper import Reaper
from sswd.testing import child_env, free_port, loopback_env

MB = 1 << 20


class Group(PVGroup):
    number = pvproperty(value=0.0, record="ai")
    array = pvproperty(value=[0.0], max_length=100_000, record="waveform")


@pytest.fixture
async def serve(port, serving):
    """`context = await serve(**limits)`."""
    open_contexts = []

    async def serve(**limits):
        group = Group(prefix="L:")
        manager = serving(group.pvdb, Limits(**limits))
        context = await manager.__aenter__()
        context.group = group
        open_contexts.append(manager)
        return context

    yield serve
    for manager in open_contexts:
        await manager.__aexit__(None, None, None)


async def until(condition, timeout=10):
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.002)


def rss():
    return psutil.Process().memory_info().rss


async def test_channels(serve, raw):
    context = await serve(channels=3)
    client = await raw()
    for _ in range(3):
        await client.create("L:number")
    with pytest.raises(KeyError):
        await client.create("L:number")
    assert (context.counts.channels, context.counts.over_limit) == (3, 1)
    other = await raw()
    await other.create("L:number")


async def test_subscriptions(serve, raw):
    context = await serve(subscriptions=3)
    client = await raw()
    chan = await client.create("L:number")
    for subid in range(4):
        await client.monitor(chan, subid=subid)
    error = await client.receive_until(ERROR)
    assert (error.p1, error.p2) == (chan.cid, 48)  # ECA_ALLOCMEM
    assert (context.counts.subscriptions, context.counts.over_limit) == (3, 1)


async def test_connections_beyond_the_limit_are_closed_and_told(serve, raw, caplog):
    context = await serve(connections=3)
    clients = [await raw() for _ in range(3)]
    for client in clients:
        await client.create("L:number")
    for _ in range(3):
        assert await (await raw(version=None)).closed_by_server()
    assert context.counts.connections_refused == 3
    told = [m for m in caplog.messages if "3 clients are connected already" in m]
    assert len(told) == 1
    clients[0].close()
    await until(lambda: context.counts.connections == 2)
    await (await raw()).create("L:number")


async def test_idle_clients_make_room(serve, raw):
    """Connections alone cannot lock out a client that wants a PV."""
    context = await serve(connections=3)
    idle = [await raw() for _ in range(3)]
    await until(lambda: context.counts.connections == 3)
    assert await (await raw(version=None)).closed_by_server(), "those are new, not idle"
    for circuit in context.circuits:
        circuit.born_s -= 2 * NEWCOMER_S
    newcomer = await raw()
    await newcomer.create("L:number")
    assert await idle[0].closed_by_server()
    assert context.counts.closed_idle == 1


async def test_who_says_something_is_no_newcomer(serve, raw):
    """Without channels it may not lock out others by sending echoes."""
    context = await serve(connections=3)
    talkers = [await raw() for _ in range(3)]
    await until(lambda: context.counts.connections == 3)
    for circuit in context.circuits:
        circuit.born_s -= 2 * NEWCOMER_S
    for talker in talkers:
        await talker.send(message(ECHO))
        await talker.receive_until(ECHO)
    await (await raw()).create("L:number")


async def test_a_message_beyond_the_limit_ends_the_circuit(serve, raw):
    context = await serve(payload_bytes=100_000)
    client = await raw()
    chan = await client.create("L:array")
    put = await client.put(chan, bytes(80_000), count=10_000)
    assert put.p1 == 1
    await client.send(message(4, 6, 20_000, chan.sid, 1, bytes(160_000)))
    error = await client.receive_until(ERROR)
    assert (error.p2, error.p1) == (72, chan.cid)
    assert b"160000 bytes is more than the 100000" in error.body
    assert await client.closed_by_server()
    assert context.counts.bad_requests == 1


@pytest.mark.parametrize(
    ("told", "served"),
    [(None, 64 * MB), ("1000", 16384), ("9999999", 9999999), ("junk", 64 * MB)],
)
def test_max_array_bytes(monkeypatch, told, served):
    if told is None:
        monkeypatch.delenv("EPICS_CA_MAX_ARRAY_BYTES", raising=False)
    else:
        monkeypatch.setenv("EPICS_CA_MAX_ARRAY_BYTES", told)
    assert Limits().max_payload() == served
    assert Limits(payload_bytes=7).max_payload() == 7


@pytest.mark.row(29)
async def test_a_header_that_announces_a_gigabyte(serve, raw):
    context = await serve()
    before = rss()
    for _ in range(5):
        client = await raw()
        chan = await client.create("L:array")
        header = struct.pack(
            "!HHHHIIII", 4, 0xFFFF, 6, 0, chan.sid, 1, 1 << 30, 1 << 27
        )
        await client.send(header)
        error = await client.receive_until(ERROR)
        assert error.p2 == 72
        assert await client.closed_by_server()
    assert rss() - before < 20 * MB
    assert context.counts.bad_requests == 5


async def test_unfinished_messages_are_bounded_together(serve, raw):
    context = await serve(receiving_bytes=MB)
    clients = [await raw() for _ in range(3)]
    for client, part in zip(clients, (500_000, 700_000, 100_000), strict=True):
        chan = await client.create("L:array")
        header = struct.pack("!HHHHIIII", 4, 0xFFFF, 6, 0, chan.sid, 1, 8 * MB, MB)
        await client.send(header + bytes(part))
    assert await clients[1].closed_by_server()
    await clients[0].send(bytes(8 * MB - 500_000) + message(ECHO))
    await clients[0].receive_until(ECHO)
    assert context.counts.over_limit == 1


async def test_idle_without_channel_is_disconnected(serve, raw):
    context = await serve(idle_s=0.2)
    idle, busy = await raw(), await raw()
    chan = await busy.create("L:number")
    assert await idle.closed_by_server()
    await busy.get(chan)
    assert context.counts.closed_idle == 1


async def test_stalled_too_long_is_disconnected(serve, raw):
    context = await serve(stalled_s=0.2)
    stalled = await raw(rcvbuf=4096)
    await stalled.monitor(await stalled.create("L:array"))
    await until(lambda: context.counts.subscriptions == 1)

    def flood():
        post(context.group.array, [float(len(stalled.buffer))] * 100_000)
        return context.counts.closed_stalled == 1

    await until(flood)
    assert context.counts.connections == 0


async def test_stalled_clients_are_bounded_together(serve, raw):
    context = await serve(stalled_bytes=MB)
    stalled = [await raw(rcvbuf=4096) for _ in range(4)]
    for client in stalled:
        await client.monitor(await client.create("L:array"))
    await until(lambda: context.counts.subscriptions == 4)
    values = [0.0] * 100_000  # 800 kB, of which each holds up to one and a rest

    def all_stalled():
        post(context.group.array, values)
        return all(c.output.pressure >= CONGESTED for c in context.circuits)

    await until(all_stalled)
    Reaper(context._shared, context.circuits).close_over_limits(time.monotonic())
    assert context.counts.closed_stalled >= 1
    left = [c.output for c in context.circuits if c.output.pressure is not FREE]
    assert sum(output.unsent_bytes for output in left) <= MB


@pytest.mark.row(30)
@pytest.mark.timeout(120)
async def test_two_thousand_idle_connections(serve, raw, port):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4500  # both ends are ours
    if hard < wanted:
        pytest.skip(f"no more than {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    context = await serve()
    before = rss()
    idle = []
    try:
        for _ in range(2000):
            client = RawClient()
            await client.connect(port)
            idle.append(client)
        await until(lambda: context.counts.connections == 2000)
        grown = rss() - before
        client = await raw()
        chan = await client.create("L:number")
        assert (await client.get(chan)).p1 == 1
        assert grown < 60 * MB
    finally:
        for client in idle:
            client.close()
        await until(lambda: context.counts.connections <= 1)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


FEW_FILES = """
import asyncio, os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from caproto.server import PVGroup, pvproperty
from sswd.ioc.ca import Context, Limits

class Group(PVGroup):
    number = pvproperty(value=5.0)

async def main():
    reserved = int(sys.argv[1])
    context = Context(Group(prefix="F:").pvdb, limits=Limits(reserved_files=reserved))
    task = asyncio.create_task(context.run())
    held = []
    for line in iter(lambda: None, 1):
        line = await context.loop.run_in_executor(None, sys.stdin.readline)
        if line == "files?\\n":
            # as a worker's restart needs them
            files = [os.open("/dev/null", 0) for _ in range(10)]
            for file in files:
                os.close(file)
            print(context.counts.connections, flush=True)
        elif line == "hog\\n":
            try:
                while True:
                    held.append(os.open("/dev/null", 0))
            except OSError:
                print("hogged", flush=True)
        elif line == "free\\n":
            while held:
                os.close(held.pop())
            print("freed", flush=True)
        else:
            task.cancel()
            return

asyncio.run(main())
"""


@pytest.fixture
def few_files(tmp_path):
    """A server in a process with 64 file descriptors, and its port."""
    port = free_port()
    log = (tmp_path / "log").open("w")
    child = subprocess.Popen(
        [sys.executable, "-c", FEW_FILES, "24"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=child_env(loopback_env(port)),
    )
    try:
        yield child, port
    finally:
        child.stdin.close()
        assert child.wait(10) == 0
        child.stdout.close()
        log.close()
        text = Path(log.name).read_text()
        assert "Traceback" not in text
        assert "a client was refused" in text


def ask(child, word):
    child.stdin.write(word + "\n")
    child.stdin.flush()
    return child.stdout.readline().strip()


async def connected(port, timeout=30):
    """A client with a channel, once the server lets it in."""
    async with asyncio.timeout(timeout):
        while True:
            client = RawClient()
            try:
                await client.connect(port)
                return client, await client.create("F:number")
            except BaseException as ex:  # the time may end in the middle
                client.close()
                if not isinstance(ex, OSError | EOFError):
                    raise
            await asyncio.sleep(0.02)


@pytest.mark.row(30)
async def test_few_descriptors_clients_are_refused_and_some_are_left(few_files):
    child, port = few_files
    kept = [await connected(port) for _ in range(4)]
    hogs = []
    for _ in range(100):
        hogs.append(RawClient())
        await hogs[-1].connect(port)
        await asyncio.sleep(0)
    for client, chan in kept:
        assert (await client.get(chan)).p1 == 1
    assert 4 <= int(ask(child, "files?")) <= 40
    for client in hogs:
        client.close()
    client, chan = await connected(port)
    assert (await client.get(chan)).body == struct.pack("!d", 5)
    # And with channels, which are not pushed out by newcomers:
    more = []
    with pytest.raises(TimeoutError):
        for _ in range(60):
            more.append((await connected(port, timeout=1))[0])
    for other in [client, *more, *(kept_one for kept_one, _ in kept)]:
        other.close()


@pytest.mark.row(30)
async def test_no_descriptor_at_all_is_survived(few_files):
    child, port = few_files
    client, chan = await connected(port)
    assert ask(child, "hog") == "hogged"
    for _ in range(5):
        refused = RawClient(version=None)
        await refused.connect(port)
        assert await refused.closed_by_server()
        refused.close()
    assert (await client.get(chan)).p1 == 1
    assert ask(child, "free") == "freed"
    again, chan = await connected(port)
    assert (await again.get(chan)).p1 == 1
    for one in (client, again):
        one.close()


def test_defaults_are_bounds():
    for name in Limits.__struct_fields__:
        assert getattr(Limits(), name) >= 0, name


async def test_limits_are_told_once(serve, raw, caplog):
    await serve(channels=0)
    client = await raw()
    for _ in range(50):
        await client.send(message(CREATE_CHAN, p1=1, p2=13, body=b"L:number\0"))
        await client.receive_until(CREATE_FAIL)
    assert len([m for m in caplog.messages if "wants more than" in m]) == 1
