"""Big arrays: sent without copies, let go of in time."""

import asyncio
import gc
import struct
import weakref

import numpy as np
import pytest
from ca_raw import EVENT_ADD
from caproto.server import PVGroup, pvproperty

from sswd.ioc.ca import flusher, post
from sswd.ioc.ca.circuit.output import BLOCKED
from sswd.ioc.process.slots import HELD

SIZE = 4 << 20


class Group(PVGroup):
    image = pvproperty(dtype=bytes, value=b"", max_length=SIZE, record="waveform")
    doubles = pvproperty(value=[0.0], max_length=100_000, record="waveform")


@pytest.fixture
async def group(port, serving):
    group = Group(prefix="A:")
    async with serving(group.pvdb) as context:
        group.context = context
        yield group


class Slot:
    """Memory that somebody lends, and whether it has been given back."""

    def __init__(self, fill):
        self.memory = np.full(SIZE, fill, np.uint8)
        self.memory.flags.writeable = False

    def lend(self):
        """A read-only view; `is_free` when nobody holds it any more."""
        view = np.frombuffer(memoryview(self.memory), np.uint8)
        self._gone = weakref.ref(view)
        return view

    @property
    def is_free(self):
        gc.collect()
        return self._gone() is None


async def subscriber(raw, **options):
    client = await raw(**options)
    chan = await client.create("A:image")
    await client.monitor(chan)
    await client.receive_until(EVENT_ADD)
    return client


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_the_frame_that_arrives_is_the_frame_that_was_posted(group, raw):
    client = await subscriber(raw)
    frame = np.arange(SIZE, dtype=np.uint32).view(np.uint8)[:SIZE]
    frame.flags.writeable = False
    post(group.image, frame)
    got = await client.receive()
    assert (got.count, got.extended, got.body) == (SIZE, True, frame.tobytes())


async def test_a_posted_frame_is_not_copied(group):
    slot = Slot(1)
    view = slot.lend()
    post(group.image, view)
    assert group.image.value is view


async def test_a_sent_frame_is_free_once_the_pv_has_another_value(group, raw):
    client = await subscriber(raw)
    first, second = Slot(1), Slot(2)
    post(group.image, first.lend())
    await client.receive()
    assert not first.is_free  # the PV holds it
    post(group.image, second.lend())
    await client.receive()
    assert first.is_free
    assert not second.is_free


async def test_a_frame_that_nobody_wants_is_free_at_the_next(group):
    first = Slot(1)
    post(group.image, first.lend())
    post(group.image, Slot(2).lend())
    assert first.is_free


async def test_a_frame_that_was_got_is_free_at_the_next(group, raw):
    client = await raw()
    chan = await client.create("A:image")
    first = Slot(1)
    post(group.image, first.lend())
    await client.get(chan)
    post(group.image, Slot(2).lend())
    assert first.is_free


async def test_clients_that_never_read_do_not_hold_frames(group, raw):
    """Six of them held all slots of a probe, and froze the image for everybody."""
    stalled = [await subscriber(raw, rcvbuf=4096) for _ in range(6)]
    healthy = await subscriber(raw)
    slots = []
    for number in range(8):
        slots.append(Slot(number))
        post(group.image, slots[-1].lend())
        got = await healthy.receive()
        assert got.body[0] == got.body[-1] == number
        if sum(not slot.is_free for slot in slots) > HELD:
            flusher().keep_copies()
        assert sum(not slot.is_free for slot in slots) <= HELD
    flusher().keep_copies()
    await until(lambda: all(slot.is_free for slot in slots[:-1]))
    # Recovery: the frame that was cut off is whole, then the newest comes.
    for client in stalled:
        first, last = await client.receive(), await client.receive()
        assert first.body == bytes([first.body[0]]) * SIZE
        assert last.body == bytes([7]) * SIZE


def is_any_blocked(group):
    return any(c.output.pressure >= BLOCKED for c in group.context.circuits)


async def test_who_runs_short_of_slots_can_have_them_copied_out_now(group, raw):
    stalled = await subscriber(raw, rcvbuf=4096)
    slot = Slot(1)
    post(group.image, slot.lend())
    await until(lambda: is_any_blocked(group))
    flusher().keep_copies()
    post(group.image, Slot(2).lend())
    assert slot.is_free
    assert (await stalled.receive()).body == bytes([1]) * SIZE


async def test_a_client_that_hangs_up_lets_go(group, raw):
    stalled = await subscriber(raw, rcvbuf=4096)
    slot = Slot(1)
    post(group.image, slot.lend())
    await until(lambda: is_any_blocked(group))
    post(group.image, Slot(2).lend())
    stalled.close()
    await until(lambda: slot.is_free)


async def test_gets_of_every_count_of_a_big_array(group, raw):
    post(group.doubles, np.arange(100_000.0))
    client = await raw()
    chan = await client.create("A:doubles")
    for count in (1, 4096, 65534, 65535, 65536, 99_999, 100_000, 0):
        got = await client.get(chan, count=count)
        want = count or 100_000
        assert got.count == want
        assert got.body == np.arange(float(want)).astype(">f8").tobytes()
    post(group.doubles, [1.0, 2.0])
    got = await client.get(chan, count=100_000)
    assert got.count == 100_000
    assert got.body == struct.pack("!2d", 1, 2) + bytes(8 * 99_998)
    assert (await client.get(chan)).count == 2
    post(group.doubles, [])
    assert ((await client.get(chan)).count, (await client.get(chan)).body) == (0, b"")


async def test_the_cache_cannot_be_filled_by_asking_for_many_counts(group, raw):
    post(group.doubles, np.arange(100_000.0))
    client = await raw()
    chan = await client.create("A:doubles")
    for count in range(90_000, 90_080):
        await client.get(chan, count=count)
    served_pv = group.doubles.sswd_served_pv
    assert sum(payload.size for payload in served_pv.cache.values()) < 6 << 20
