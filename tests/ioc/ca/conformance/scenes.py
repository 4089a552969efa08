"""Plays that need more than one request; each returns what the server answered."""

import struct

import ca_raw as ca
from script import payload

MASKS = {"value": 1, "log": 2, "alarm": 4, "property": 8, "value_alarm": 5}


async def _open(player, name="LONG"):
    """A fresh connection with one channel."""
    player.drop()
    return await player.ready(name)


async def bad_sid_get(player):
    client, _ = await _open(player)
    await client.send(ca.message(ca.READ_NOTIFY, 5, 1, 99999, 7))
    return await player.answers()


async def bad_sid_put(player):
    client, _ = await _open(player)
    await client.send(ca.message(ca.WRITE, 5, 1, 99999, 7, payload(5, [1])))
    return await player.answers()


async def bad_sid_monitor(player):
    client, _ = await _open(player)
    body = struct.pack("!fffHH", 0, 0, 0, 1, 0)
    await client.send(ca.message(ca.EVENT_ADD, 5, 1, 99999, 7, body))
    return await player.answers()


async def bad_sid_clear(player):
    client, _ = await _open(player)
    await client.send(ca.message(ca.CLEAR_CHANNEL, p1=99999, p2=1))
    return await player.answers()


async def bad_command(player):
    client, _ = await _open(player)
    await client.send(ca.message(77, 1, 2, 3, 4))
    return await player.answers()


async def obsolete_command(player):
    client, _ = await _open(player)
    await client.send(ca.message(5))
    return await player.answers()


async def bad_type_get(player):
    client, channel = await _open(player)
    await client.send(ca.message(ca.READ_NOTIFY, 39, 1, channel.sid, 7))
    return await player.answers()


async def bad_type_old_get(player):
    client, channel = await _open(player)
    await client.send(ca.message(ca.READ, 39, 1, channel.sid, 7))
    return await player.answers()


async def bad_type_put(player):
    client, channel = await _open(player)
    await client.send(ca.message(ca.WRITE, 39, 1, channel.sid, 7, bytes(8)))
    return await player.answers()


async def bad_type_put_callback(player):
    client, channel = await _open(player)
    await client.send(ca.message(ca.WRITE_NOTIFY, 39, 1, channel.sid, 7, bytes(8)))
    return await player.answers()


async def bad_type_monitor(player):
    client, channel = await _open(player)
    await client.monitor(channel, 39)
    return await player.answers()


async def mask_of_nothing(player):
    client, channel = await _open(player)
    await client.monitor(channel, 5, mask=0)
    return await player.answers()


async def mask_too_wide(player):
    client, channel = await _open(player)
    await client.monitor(channel, 5, mask=0x100)
    return await player.answers()


async def not_aligned(player):
    client, channel = await _open(player)
    await client.send(ca.HEADER.pack(ca.WRITE, 5, 5, 1, channel.sid, 7) + bytes(5))
    return await player.answers()


async def old_get(player):
    client, channel = await _open(player)
    await client.send(ca.message(ca.READ, 5, 1, channel.sid, 7))
    return await player.answers()


async def old_get_text(player):
    client, channel = await _open(player, "STRING")
    await client.send(ca.message(ca.READ, 0, 1, channel.sid, 7))
    return await player.answers()


async def read_sync(player):
    client, _ = await _open(player)
    await client.send(ca.message(10, 1, 2, 3, 4))
    return await player.answers()


async def echo_with_payload(player):
    client, _ = await _open(player)
    await client.send(ca.message(ca.ECHO, 1, 2, 3, 4, b"12345678"))
    got = [await client.receive(), *await player.answers()]
    return [tuple(message) for message in got]


async def clear_twice(player):
    client, channel = await _open(player)
    clear = ca.message(ca.CLEAR_CHANNEL, p1=channel.sid, p2=channel.cid)
    await client.send(clear + clear)
    return await player.answers()


async def cancel_unknown_monitor(player):
    client, channel = await _open(player)
    await client.send(ca.message(ca.EVENT_CANCEL, 5, 1, channel.sid, 12345))
    return await player.answers()


async def name_after_channel(player):
    client, _ = await _open(player)
    await client.send(ca.message(ca.CLIENT_NAME, body=b"another\0"))
    await client.send(ca.message(ca.HOST_NAME, body=b"elsewhere\0"))
    return await player.answers()


async def long_name(player):
    player.drop()
    client = player.client = ca.RawClient()
    await client.connect(player.port)
    await client.send(ca.message(ca.CLIENT_NAME, body=b"x" * 600))
    return await player.answers()


async def bad_priority(player):
    player.drop()
    client = player.client = ca.RawClient(version=None)
    await client.connect(player.port)
    await client.send(ca.message(ca.VERSION, 100, 13))
    return await player.answers()


async def too_old(player):
    player.drop()
    client = player.client = ca.RawClient(version=None)
    await client.connect(player.port)
    await client.send(ca.message(ca.READ_SYNC))
    first = await client.receive(), await client.receive()
    player.drop()
    return [player.comparable(message) for message in first]


async def unknown_name(player):
    client, _ = await _open(player)
    await client.send(ca.message(ca.CREATE_CHAN, p1=5, p2=13, body=b"X:NONE\0"))
    return await player.answers()


async def unknown_field(player):
    client, _ = await _open(player)
    await client.send(ca.message(ca.CREATE_CHAN, p1=5, p2=13, body=b"X:LONG.NIX\0"))
    return await player.answers()


async def empty_name(player):
    client, _ = await _open(player)
    await client.send(ca.message(ca.CREATE_CHAN, p1=5, p2=13, body=b"\0"))
    return await player.answers()


async def search_over_tcp(player):
    client, _ = await _open(player)
    for name in (b"X:LONG\0", b"X:NONE\0"):
        await client.send(ca.message(ca.SEARCH, 10, 13, 5, 5, name))
    got = await player.answers()
    assert got[0][1] == player.port
    return [(got[0][0], *got[0][2:]), *got[1:]]


async def old_client_counts(player):
    """CA 4.11: a count of zero, and fixed counts."""
    await player.reset("DOUBLES")
    player.drop()
    client = player.client = ca.RawClient(version=11)
    await client.connect(player.port)
    await client.send(ca.message(ca.CREATE_CHAN, p1=5, p2=11, body=b"X:DOUBLES\0"))
    sid = (await client.receive_until(ca.CREATE_CHAN)).p2
    for count in (0, 2, 5):
        await client.send(ca.message(ca.READ_NOTIFY, 6, count, sid, 7))
    return await player.answers()


async def filtered_array(player):
    client, _ = await _open(player, "DOUBLES")
    await player.reset("DOUBLES")
    got = []
    for text in ("[1:2]", "[0:2:4]", "[-2:-1]", '{"arr":{"s":1,"e":1}}', "[1]"):
        channel = await client.create(f"X:DOUBLES.{text}")
        got.append((text, channel.dtype, channel.count))
        for count in (0, 5):
            await client.send(ca.message(ca.READ_NOTIFY, 6, count, channel.sid, 7))
            got += await player.answers()
    for text in ("[1:2]", "[5:1]", "[0]", '{"arr":{"s":1}}'):  # of one element
        channel = await client.create(f"X:DOUBLE.{text}")
        got.append((text, channel.dtype, channel.count))
        await client.send(ca.message(ca.READ_NOTIFY, 6, 0, channel.sid, 7))
        got += await player.answers()
    return got


async def bad_filter(player):
    client, _ = await _open(player)
    await client.send(
        ca.message(ca.CREATE_CHAN, p1=5, p2=13, body=b'X:LONG.{"nix":{}}\0')
    )
    return await player.answers()


FILTERS = (
    '{"dbnd":{"d":1.5}}',
    '{"dbnd":{"d":1.5,"m":"abs"}}',
    '{"dbnd":{"m":"rel","d":50}}',
    '{"dbnd":{"abs":"1.5"}}',
    '{"dbnd":{}}',
    '{"dbnd":{"m":"nix"}}',
    '{"dbnd":{"nix":1}}',
    '{"dbnd":5}',
    "{dbnd:{abs:1.5}}",
    "{dbnd:{abs:.5,},}",
    "{'dbnd':{'abs':+1}}",
    "{dbnd:{abs:0x10}} x",
    "{dbnd:{abs:1.5}",
    "{}",
    '{"sync":{"m":"first","s":"made up"}}',
    '{"dec":{"n":2}}',
    '{"dec":{"n":0}}',
    '{"dec":{}}',
    '{"utag":{"M":1,"V":1}}',
    '{"utag":{}}',
    '{"ts":{}}',
    '{"nix":{}}',
    '{"dec":{"n":2},"dbnd":{"abs":1}}',
)


async def filters_that_are_served(player):
    """Which filters connect, and which do not."""
    client, _ = await _open(player, "DOUBLE")
    got = []
    for text in FILTERS:
        try:
            channel = await client.create(f"X:DOUBLE.{text}")
            got.append((text, channel.dtype, channel.count))
        except KeyError:
            got.append((text, "refused"))
    return got


async def filtered_monitors(player):
    """Which values pass which filters."""
    client, channel = await _open(player, "DOUBLE")
    await player.reset("DOUBLE")
    got = []
    for text in (
        '{"dbnd":{"m":"rel","d":50}}',
        "{dbnd:{abs:1.5}}",
        '{"dec":{"n":3}}',
        '{"utag":{"M":1,"V":1}}',
        '{"utag":{"M":1,"V":0}}',
        '{"dbnd":{"abs":1.5},"dec":{"n":2}}',
        '{"dec":{"n":2},"dbnd":{"abs":1.5}}',
    ):
        await client.put(channel, payload(6, [1.0]), 6)
        filtered = await client.create(f"X:DOUBLE.{text}")
        await client.monitor(filtered, 6, mask=1, subid=3)
        got.append((text, player.comparable(await client.receive())))
        await player.mark(channel)
        for value in (2.0, 2.6, 2.7, 4.2, 4.3, -1.0, 10.0, 11.0, 12.5):
            got += await player.put_and_note(channel, 6, value)
        client.close()
        player.client = None
        client, channel = await _open(player, "DOUBLE")
    return got


async def deadband(player):
    """Which values pass an absolute and a relative deadband."""
    client, channel = await _open(player, "DOUBLE")
    await player.reset("DOUBLE")
    got = []
    for text in ('{"dbnd":{"abs":1.5}}', '{"dbnd":{"rel":20}}'):
        await client.put(channel, payload(6, [1.0]), 6)
        filtered = await client.create(f"X:DOUBLE.{text}")
        await client.monitor(filtered, 6, mask=1, subid=3)
        got.append(player.comparable(await client.receive()))
        await player.mark(channel)
        for value in (2.0, 2.6, 2.7, 4.2, 4.3, -1.0, 10.0, 11.0, 12.5):
            got += await player.put_and_note(channel, 6, value)
        client, channel = await _open(player, "DOUBLE")
    return got


async def long_string_of_a_field(player):
    client, _ = await _open(player, "DOUBLE")
    channel = await client.create("X:DOUBLE.DESC$")
    got = [(channel.dtype, channel.rights)]
    for dtype, count in ((4, 0), (4, 5), (4, 20), (0, 0), (0, 1)):
        await client.send(ca.message(ca.READ_NOTIFY, dtype, count, channel.sid, 7))
        got += await player.answers()
    return got


async def read_only_field(player):
    client, _ = await _open(player)
    channel = await client.create("X:LONG.NAME")
    got = [tuple(channel[2:])]
    put = (channel.sid, 7, payload(0, [b"x"]))
    await client.send(ca.message(ca.WRITE_NOTIFY, 0, 1, *put))
    await client.send(ca.message(ca.WRITE, 0, 1, *put))
    return got + await player.answers()


async def events_off_and_on(player):
    """Between OFF and ON only the newest value is kept."""
    client, channel = await _open(player)
    await player.reset("LONG")
    await client.monitor(channel, 5, mask=1, subid=3)
    got = [player.comparable(await client.receive())]
    await client.send(ca.message(ca.EVENTS_OFF))
    for value in (1, 2, 3, 4, 5):
        await client.put(channel, payload(5, [value]), 5)
    await client.send(ca.message(ca.EVENTS_ON))
    while True:
        message = await client.receive()
        last = struct.unpack_from("!i", message.body)[0]
        if last == 5:
            return [*got, last]


async def acknowledge(player):
    """PUT_ACKT and PUT_ACKS, seen through DBR_STSACK_STRING."""
    client, channel = await _open(player)
    await player.reset("LONG")
    got = []
    steps = (
        (ca.WRITE, 5, payload(5, [50])),
        (ca.WRITE, 36, payload(36, [0])),
        (ca.WRITE, 36, payload(36, [2])),
        (ca.WRITE, 35, payload(35, [0])),
        (ca.WRITE, 35, payload(35, [1])),
    )
    for cmd, dtype, body in steps:
        await client.send(ca.message(cmd, dtype, 1, channel.sid, 1, body))
        await client.send(ca.message(ca.READ_NOTIFY, 37, 1, channel.sid, 7))
        got += await player.answers()
    return got


def masks(name):
    """Which changes a monitor with this mask is told."""

    async def scene(player):
        client, channel = await _open(player, "LONG")
        await player.reset("LONG")
        await client.monitor(channel, 12, mask=MASKS[name], subid=3)
        got = [player.comparable(await client.receive())]
        await player.mark(channel)
        for value in (1, 45, 46, 2):
            got += await player.put_and_note(channel, 5, value)
        return got

    return scene


SCENES = {
    name: scene
    for name, scene in list(globals().items())
    if callable(scene)
    and scene.__module__ == __name__
    and name != "masks"
    and not name.startswith("_")
} | {f"mask_{name}": masks(name) for name in MASKS}
