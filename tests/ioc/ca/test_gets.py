"""Gets: an answer that was given before is given again only while it is true."""

import gc
import struct
import weakref

import numpy as np
import pytest
from ca_raw import CLEAR_CHANNEL, READ_NOTIFY, message
from caproto import AccessRights, ChannelType
from caproto.server import PVGroup, pvproperty

from sswd.alarm import Alarm
from sswd.ioc.ca import post, set_alarm
from sswd.ioc.ca.circuit import quick_gets

DOUBLE, TIME_DOUBLE, CTRL_DOUBLE, CTRL_ENUM, STRING = 6, 20, 34, 31, 0
ENUM = ChannelType.ENUM
NORMAL, NORDACCESS = 1, 368


class Group(PVGroup):
    number = pvproperty(value=1.0, record="ai", units="mm", alarm_group="n")
    other = pvproperty(value=2.0, record="ai", alarm_group="o")
    state = pvproperty(value="off", enum_strings=["off", "on"], dtype=ENUM, record="bi")
    array = pvproperty(value=[1.0, 2.0, 3.0], max_length=10, record="waveform")


@pytest.fixture
async def group(port, serving):
    group = Group(prefix="G:")
    async with serving(group.pvdb) as context:
        group.context = context
        yield group


@pytest.fixture
async def asking(group, raw):
    """`await asking(dtype)`: the reply to the very same get, message by message."""
    client = await raw()
    chan = await client.create("G:number")

    async def ask(dtype=TIME_DOUBLE):
        return await client.get(chan, dtype)

    ask.client, ask.chan = client, chan
    [ask.circuit] = [c for c in group.context.circuits if c.channels]
    return ask


def number_of(reply):
    return struct.unpack_from("!d", reply.body, len(reply.body) - 8)[0]


async def test_the_same_get_twice_has_the_same_answer_with_its_own_ioid(asking):
    replies = []
    for ioid in (5, 6):
        request = message(READ_NOTIFY, DOUBLE, 1, asking.chan.sid, ioid)
        await asking.client.send(request)
        replies.append(await asking.client.receive_until(READ_NOTIFY))
    assert [reply.p2 for reply in replies] == [5, 6]
    assert replies[0].body == replies[1].body
    assert len(asking.circuit.quick_gets.answers) == 1


async def test_a_new_value_is_seen(group, asking):
    assert number_of(await asking()) == 1.0
    post(group.number, 5.0)
    assert number_of(await asking()) == 5.0
    await group.number.write(7.0)
    assert number_of(await asking()) == 7.0


async def test_a_new_alarm_is_seen_with_the_time_of_its_change(group, asking):
    before = await asking()
    set_alarm(group.number, Alarm(3, 9))
    after = await asking()
    assert struct.unpack_from("!HH", before.body) == (0, 0)
    assert struct.unpack_from("!HH", after.body) == (9, 3)
    assert struct.unpack_from("!II", after.body, 4) > struct.unpack_from(
        "!II", before.body, 4
    )
    assert before.body[12:] == after.body[12:]


async def test_a_value_that_was_written_without_publication_is_seen(group, asking):
    await asking()
    group.number._data["value"] = 3.0
    assert number_of(await asking()) == 3.0


async def test_units_that_were_changed_silently_are_seen(group, asking):
    assert b"mm\0" in (await asking(CTRL_DOUBLE)).body
    await group.number.write_metadata(units="nm", publish=False)
    assert b"nm\0" in (await asking(CTRL_DOUBLE)).body


async def test_states_that_were_renamed_silently_are_seen(group, raw):
    client = await raw()
    chan = await client.create("G:state")
    assert (await client.get(chan)).body[:2] == b"\0\0"
    await group.state.write_metadata(enum_strings=["on", "off"], publish=False)
    await client.get(chan, CTRL_ENUM)  # whoever asks for the states finds them
    assert (await client.get(chan)).body[:2] == b"\0\1"


async def test_no_answer_keeps_an_array_alive(group, raw):
    class Array(np.ndarray):
        """Can be referred to weakly."""

    client = await raw()
    chan = await client.create("G:array")
    first = np.arange(3.0).view(Array)
    alive = weakref.ref(first)
    post(group.array, first)
    for count in (1, 2, 3):
        await client.get(chan, DOUBLE, count)
    post(group.array, np.arange(4.0))
    del first
    await client.get(chan, DOUBLE, 4)
    gc.collect()
    assert alive() is None


async def test_long_answers_are_not_kept(group, raw):
    client = await raw()
    chan = await client.create("G:array")
    post(group.array, np.arange(10.0))
    for count in range(1, 11):
        await client.get(chan, DOUBLE, count)
    [served] = [c for c in group.context.circuits if c.channels]
    sizes = [len(answer[3]) for answer in served.quick_gets.answers.values()]
    assert max(sizes) <= quick_gets.LONGEST_ANSWER


async def test_who_may_not_read_any_more_gets_no_old_answer(group, asking):
    assert (await asking()).p1 == NORMAL
    group.number.check_access = lambda *_: AccessRights.WRITE
    group.context.access_changed()
    reply = await asking()
    assert reply.p1 == NORDACCESS
    assert number_of(reply) == 0.0


async def test_a_channel_that_is_gone_answers_no_more(asking):
    await asking()
    await asking.client.send(message(CLEAR_CHANNEL, p1=asking.chan.sid, p2=1))
    await asking.client.receive_until(CLEAR_CHANNEL)
    await asking.client.send(message(READ_NOTIFY, TIME_DOUBLE, 0, asking.chan.sid, 7))
    assert await asking.client.closed_by_server()


async def test_different_counts_and_types_have_answers_of_their_own(group, raw):
    client = await raw()
    chan = await client.create("G:array")
    for _ in range(2):
        for count, size in ((1, 8), (2, 16), (3, 24), (5, 40), (0, 24)):
            reply = await client.get(chan, DOUBLE, count)
            assert (reply.count, len(reply.body)) == (count or 3, size)
        assert (await client.get(chan, STRING, 1)).body.rstrip(b"\0") == b"1"


async def test_a_client_may_not_choose_our_memory(monkeypatch, asking):
    monkeypatch.setattr(quick_gets, "MAX_ANSWERS", 10)
    for count in range(1, 100):
        await asking.client.get(asking.chan, DOUBLE, count)
        assert len(asking.circuit.quick_gets.answers) <= 10


async def test_gets_between_other_requests_keep_their_order(group, raw):
    client = await raw()
    chans = [await client.create(f"G:{name}") for name in ("number", "other", "array")]
    batch = b""
    for ioid in range(30):
        batch += message(READ_NOTIFY, DOUBLE, 1, chans[ioid % 3].sid, ioid)
        if ioid % 7 == 0:
            batch += message(15, CTRL_DOUBLE, 1, chans[0].sid, 100 + ioid)
            batch += message(23)  # echo
    await client.send(batch)
    seen = []
    while len(seen) < 40:
        got = await client.receive()
        seen.append(got.p2 if got.cmd == READ_NOTIFY else "echo")
    expected = []
    for ioid in range(30):
        expected.append(ioid)
        if ioid % 7 == 0:
            expected += [100 + ioid, "echo"]
    assert seen == expected
