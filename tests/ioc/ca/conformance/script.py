"""The same requests to any CA server, and what it answers, made comparable."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import ca_raw as ca

NATIVE = ("STRING", "SHORT", "FLOAT", "ENUM", "CHAR", "LONG", "DOUBLE")
TYPES = [
    *(kind + name for kind in ("", "STS_", "TIME_", "GR_", "CTRL_") for name in NATIVE),
    "PUT_ACKT",
    "PUT_ACKS",
    "STSACK_STRING",
    "CLASS_NAME",
]
OFFSETS = (
    *(0, 0, 0, 0, 0, 0, 0),
    *(4, 4, 4, 4, 5, 4, 8),
    *(12, 14, 12, 14, 15, 12, 16),
    *(4, 24, 40, 422, 19, 36, 64),
    *(4, 28, 48, 422, 21, 44, 80),
    *(0, 0, 8, 0),
)
FORMATS = ("40s", "h", "f", "H", "B", "i", "d")
SCALARS = ("DOUBLE", "LONG", "ENUM", "STRING")
ARRAYS = ("DOUBLES", "FLOATS", "SHORTS", "LONGS", "CHARS", "STRINGS")
NAMES = SCALARS + ARRAYS
COUNTS = (0, 1, 3, 5)
MARK = 4711
TEXTS = {
    "hexadecimal": b"0x1F",
    "decimal": b"2.7",
    "exponent": b"1e3",
    "space": b" 3",
    "minus": b"-4",
    "plus": b"+5",
    "empty": b"",
    "word": b"abc",
    "number_and_word": b"7 apples",
    "nan": b"nan",
    "inf": b"inf",
    "huge": b"99999999999",
    "too_large": b"40000",
    "binary": b"0b1",
    "underscore": b"1_0",
    "state": b"fast",
    "number_of_a_state": b"2",
    "no_state": b"3",
}
TEXT_NAMES = ("DOUBLE", "LONG", "ENUM", "SHORTS", "FLOATS")
START = {
    "DOUBLE": (6, [1.5]),
    "LONG": (5, [42]),
    "ENUM": (3, [1]),
    "STRING": (0, [b"hello"]),
    "DOUBLES": (6, [1.25, -2.5, 3.75]),
    "FLOATS": (2, [1.25, -2.5, 3.75]),
    "SHORTS": (1, [1, -2, 3]),
    "LONGS": (5, [1, -2, 70000]),
    "CHARS": (4, [65, 66, 200]),
    "STRINGS": (0, [b"one", b"2", b"3.5"]),
}
PUTS = {0: [b"2", b"1", b"0"], 2: [2.0, 1.0, 0.0], 6: [2.0, 1.0, 0.0]}


def text(cell):
    """Up to the NUL: what EPICS base leaves behind it is not initialised."""
    return cell.partition(b"\0")[0]


def decoded(dtype, count, body):
    """The fields of a DBR payload, without pads and times."""
    if not body:
        return ()
    kind, native = divmod(dtype, 7) if dtype < 35 else (0, 0)
    fields = []
    if dtype == 37:
        fields = struct.unpack_from("!HHHH", body)
    elif kind:
        fields = list(struct.unpack_from("!hh", body))
        if kind > 2 and native:
            fields += graphic(kind, native, body)
    offset, form = OFFSETS[dtype], "!" + FORMATS[native]
    size = struct.calcsize(form)
    if native == 0:  # the last one may be cut behind its NUL
        cells = [body[offset + i * size :][:size] for i in range(count)]
        values = list(map(text, cells))
    else:
        values = [
            struct.unpack_from(form, body, offset + i * size)[0] for i in range(count)
        ]
    if dtype == 38:  # base leaves the cells behind the name as they were
        values = values[:1]
    # As text, or a NaN would not equal itself.
    return repr((tuple(fields), values, len(body)))


def graphic(kind, native, body):
    """Units, precision, limits or states."""
    if native == 3:
        number = struct.unpack_from("!h", body, 4)[0]
        states = [text(body[6 + 26 * i : 32 + 26 * i]) for i in range(16)]
        return [number, states]
    fields, at = [], 4
    if native in (2, 6):
        fields.append(struct.unpack_from("!h", body, at)[0])
        at += 4
    fields.append(text(body[at : at + 8]))
    limits = 6 if kind == 3 else 8
    return [*fields, struct.unpack_from(f"!{limits}{FORMATS[native]}", body, at + 8)]


def payload(dtype, values):
    """The body of a put of these values."""
    native = dtype % 7 if dtype < 35 else 1
    return bytes(OFFSETS[dtype]) + b"".join(
        struct.pack("!" + FORMATS[native], value) for value in values
    )


class Player:
    """Plays cases against one server and notes its answers."""

    def __init__(self, port):
        self.port = port
        self.client = None
        self.channels = {}

    async def ready(self, name):
        """A connection with a channel to `name`; a new one after a hang-up."""
        if self.client is None:
            self.client = ca.RawClient()
            self.channels = {}
            await self.client.connect(self.port)
        if name not in self.channels:
            self.channels[name] = await self.client.create(f"X:{name}")
        return self.client, self.channels[name]

    def drop(self):
        """Hang up; the next request connects anew."""
        if self.client is not None:
            self.client.close()
        self.client = None

    async def reset(self, name):
        """Give the PV its first value and no alarm."""
        client, channel = await self.ready(name)
        dtype, values = START[name]
        done = await client.put(channel, payload(dtype, values), dtype, len(values))
        assert done.p1 == 1, (name, done)

    async def mark(self, channel):
        """A monitor that tells us when all events of a put have been sent."""
        await self.client.monitor(channel, 5, mask=7, subid=MARK)
        await self.client.receive_until(ca.EVENT_ADD)

    async def put_and_note(self, channel, dtype, value):
        """Put one value, which must be a new one; the events of the other monitors."""
        put = (channel.sid, 1, payload(dtype, [value]))
        await self.client.send(ca.message(ca.WRITE, dtype, 1, *put))
        got = []
        while True:
            message = await self.client.receive()
            if message.p2 == MARK:
                return [("put", value), *got]
            got.append(self.comparable(message))

    async def answers(self):
        """All messages up to an echo of ours, comparable."""
        client = self.client
        await client.send(ca.message(ca.ECHO))
        got = []
        try:
            while True:
                message = await client.receive(timeout=5)
                if message.cmd == ca.ECHO:
                    return got
                got.append(self.comparable(message))
        except (EOFError, ConnectionError):
            client.close()
            self.client = None
            return [*got, "closed"]

    def comparable(self, message):
        """Without ids of the server's own, times, and the words of errors."""
        cmd, dtype, count, p1, p2, body, extended = message
        if cmd == ca.ERROR:
            head = bytearray(body[:16])
            if head[1] != ca.CREATE_CHAN:
                head[8:12] = b"\0\0\0\0"
            return ("ERROR", p2, p1 if p1 == 0xFFFFFFFF else "cid", bytes(head).hex())
        if cmd in (ca.CREATE_CHAN, ca.CLEAR_CHANNEL):
            p2, p1 = 0, 0
        if cmd == ca.EVENT_ADD and not body:
            p1 = 0
        if cmd == ca.READ:
            p1 = 0
        return (cmd, dtype, count, p1, p2, decoded(dtype, count, body), extended)

    async def get(self, name, dtype, count, cmd=ca.READ_NOTIFY):
        client, channel = await self.ready(name)
        await client.send(ca.message(cmd, dtype, count, channel.sid, 7))
        return await self.answers()

    async def put(self, name, dtype, count, cmd=ca.WRITE_NOTIFY):
        await self.reset(name)
        client, channel = await self.ready(name)
        values = PUTS.get(dtype % 7 if dtype < 35 else 1, [2, 1, 0])
        values = (values * 2)[: max(count, 1)]
        body = payload(dtype, values)
        await client.send(ca.message(cmd, dtype, count, channel.sid, 7, body))
        if cmd == ca.WRITE_NOTIFY:
            try:
                first = [self.comparable(await client.receive(timeout=5))]
            except EOFError:
                first = ["closed"]
                client.close()
                self.client = None
                return first
        else:
            first = []
        rest = await self.answers()
        after = await self.get(name, START[name][0], 0)
        return first + rest + after

    async def monitor(self, name, dtype, count):
        await self.reset(name)
        client, channel = await self.ready(name)
        await client.monitor(channel, dtype, count, mask=5, subid=77)
        got = []
        try:
            got.append(self.comparable(await client.receive(timeout=5)))
        except EOFError:
            client.close()
            self.client = None
            return ["closed"]
        native, values = START[name]
        values = values[::-1] if len(values) > 1 else [b"world" if native == 0 else 2]
        body = payload(native, values)
        await client.send(
            ca.message(ca.WRITE, native, len(values), channel.sid, 1, body)
        )
        got.append(self.comparable(await client.receive(timeout=5)))
        await client.send(ca.message(ca.EVENT_CANCEL, dtype, count, channel.sid, 77))
        return got + await self.answers()

    async def write(self, name, dtype, count):
        return await self.put(name, dtype, count, ca.WRITE)

    async def put_text(self, name, text):
        """A DBR_STRING put of this text."""
        await self.reset(name)
        client, channel = await self.ready(name)
        done = await client.put(channel, payload(0, [text]), 0)
        after = await self.get(name, START[name][0], 0)
        return [self.comparable(done), *after]
