"""Rights that change while clients have many channels: asked again in turns."""

import asyncio
import struct

import pytest
from ca_raw import ACCESS_RIGHTS, ECHO, message
from caproto.server import PVGroup, pvproperty

from sswd.access import READ, WRITE, Granted
from sswd.ioc.ca.evloop import turns

NORMAL, NORDACCESS, NOWTACCESS = 1, 368, 376
BOTH = READ | WRITE
CHANNELS = 300


class Group(PVGroup):
    number = pvproperty(value=0, record="longout")


class Policy:
    """Gives everybody the same, and counts how often it is asked."""

    def __init__(self):
        self.rights = BOTH
        self.asked = 0

    def granted(self, client, name, data):
        self.asked += 1
        return Granted(self.rights, traps=False)

    def words(self, client, name, data):
        return "closed"

    def left(self, client):
        pass


class Site:
    def __init__(self, context, policy, group):
        self.context, self.policy, self.group = context, policy, group

    def change(self, rights):
        self.policy.rights, self.policy.asked = rights, 0
        self.context.access_changed()

    @property
    def is_under_way(self):
        return self.context._shared.is_rechecking

    @property
    def rights(self):
        """The rights of all channels, as they are known."""
        return {ch.rights for c in self.context.circuits for ch in c.channels.values()}

    async def done(self):
        async with asyncio.timeout(10):
            while self.is_under_way:
                await asyncio.sleep(0)


@pytest.fixture
async def site(serving, port):
    group = Group(prefix="G:")
    policy = Policy()
    async with serving(group.pvdb) as context:
        context.use_access(policy)
        yield Site(context, policy, group)


@pytest.fixture
async def many(site, raw, monkeypatch):
    """(client, channels): one with CHANNELS; from now on a turn has one channel."""
    client = await raw()
    channels = [await client.create("G:number") for _ in range(CHANNELS)]
    monkeypatch.setattr(turns, "TURN_S", 0.0)
    return client, channels


async def test_other_clients_are_answered_between(site, many, raw):
    client, channels = many
    other = await raw()
    mine = await other.create("G:number")
    await client.send(message(ECHO))
    await client.receive_until(ECHO)
    site.change(READ)
    assert site.policy.asked == 1, "a portion of them"
    assert (await other.get(mine)).p1 == NORMAL
    assert site.is_under_way
    assert site.policy.asked < CHANNELS
    told = {(await client.receive_until(ACCESS_RIGHTS)).p1 for _ in channels}
    assert told == {channel.cid for channel in channels}
    await site.done()
    assert site.rights == {READ}


async def test_what_comes_meanwhile_is_judged_by_the_rules_of_now(site, many):
    client, channels = many
    site.change(0)
    assert (await client.get(channels[-1])).p1 == NORDACCESS
    put = await client.put(channels[-2], struct.pack("!i", 5))
    assert put.p1 == NOWTACCESS
    assert site.is_under_way
    assert BOTH in site.rights, "of those whose turn has not come"
    assert site.group.number.value == 0
    await site.done()


async def test_changes_that_follow_are_one_pass(site, many):
    site.change(0)
    for turn in range(10):
        site.policy.rights = WRITE if turn % 2 else READ
        site.context.access_changed()
        await asyncio.sleep(0)
    await site.done()
    assert site.rights == {WRITE}
    assert site.policy.asked <= 2 * CHANNELS


async def test_who_cannot_be_judged_may_do_nothing(site, many):
    """User code may decide, too; that it fails ends neither the pass nor the caller."""

    def fails(*_):
        raise ZeroDivisionError

    site.group.number.check_access = fails
    site.change(BOTH)
    await site.done()
    assert site.rights == {0}
    del site.group.number.check_access
    site.change(BOTH)
    await site.done()
    assert site.rights == {BOTH}
