"""What a client may ask of a circuit beside values: names, channels, flow control."""

import functools
from collections.abc import Callable

from sswd.ioc.ca.caproto_private.data import long_string_length
from sswd.ioc.ca.circuit import read_handlers, write_handlers
from sswd.ioc.ca.circuit.channel import Channel
from sswd.ioc.ca.circuit.circuit import Circuit, Handlers
from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.circuit.output import CONGESTED
from sswd.ioc.ca.codec import names, protocol
from sswd.ioc.ca.codec.protocol import Request
from sswd.ioc.ca.pv.served_pv import ServedPv

MAX_PRIORITY = 99
MAX_NAME = 512

Find = Callable[[str], names.Found | None]
"""The PV that a channel name means."""


def version(circuit: Circuit, request: Request) -> None:
    """The client's minor version and priority; the answer was sent at connect."""
    circuit.minor = request.elements
    if request.elements < protocol.OLDEST_MINOR or request.dtype > MAX_PRIORITY:
        raise BadRequest("unsupported version or priority", quiet=True)


def echo(circuit: Circuit, request: Request) -> None:
    """Send it back."""
    circuit.output.send_raw(request.head + request.body)


def read_sync(circuit: Circuit, request: Request) -> None:
    """All requests before this one were answered before it, by construction."""
    _send_back(circuit, request.cmd, request)


def _send_back(circuit: Circuit, cmd: int, request: Request) -> None:
    """Answer with the request's own numbers."""
    circuit.output.send_raw(protocol.HEADER.pack(cmd, 0, *request[1:5]))


def host_name(circuit: Circuit, request: Request) -> None:
    """What the client calls its host. Frozen with the first channel, as in base."""
    name = _own_name(circuit, request, "host")
    if name is not None:
        circuit.host = name


def client_name(circuit: Circuit, request: Request) -> None:
    """Who the client says it is. Frozen with the first channel, as in base."""
    name = _own_name(circuit, request, "user")
    if name is not None:
        circuit.user = name


def _own_name(circuit: Circuit, request: Request, what: str) -> str | None:
    if len(request.body.partition(b"\0")[0]) >= MAX_NAME:
        raise BadRequest(f"bad (very long) {what} name")
    if circuit.channels:
        # Or a client could connect as one user and write as another.
        circuit.error(
            request,
            protocol.INTERNAL,
            f"attempts to use protocol to set {what} name "
            "after creating first channel ignored by server",
        )
        return None
    return protocol.text_of(request.body)


def search(find: Find, circuit: Circuit, request: Request) -> None:
    """A search over TCP, as name servers do."""
    if find(protocol.text_of(request.body)) is not None:
        port = circuit.shared.port
        circuit.output.send_raw(
            protocol.HEADER.pack(
                protocol.SEARCH, 0, port, 0, protocol.NO_ID, request.p2
            )
        )
    elif request.dtype == protocol.DO_REPLY:
        _send_back(circuit, protocol.NOT_FOUND, request)


def create_channel(find: Find, circuit: Circuit, request: Request) -> None:
    """Connect a name: access rights, then type, count and our id for it."""
    circuit.minor = request.p2
    if circuit.minor < protocol.OLDEST_MINOR:
        raise BadRequest("client too old", quiet=True)
    name = protocol.text_of(request.body)
    found = find(name) if name else None
    if found is not None and len(circuit.channels) >= circuit.limits.channels:
        circuit.shared.over_limit(circuit, "channels", circuit.limits.channels)
        found = None
    if found is None:
        if len(request.body) > 1:
            circuit.output.send_raw(
                protocol.HEADER.pack(protocol.CREATE_CH_FAIL, 0, 0, 0, request.p1, 0)
            )
        return
    served_pv = ServedPv.of(found.data)
    circuit.next_sid += 1
    channel = Channel(circuit.next_sid, request.p1, name, served_pv, found.filters)
    channel.long_string = found.long_string
    channel.grant(circuit.rights(channel))
    circuit.channels[channel.sid] = channel
    circuit.counts.channels += 1
    dtype, count = _offered(channel)
    circuit.output.send_raw(
        protocol.HEADER.pack(
            protocol.ACCESS_RIGHTS, 0, 0, 0, channel.cid, channel.rights
        )
        + protocol.header(
            protocol.CREATE_CHAN, 0, dtype, count, channel.cid, channel.sid
        )
    )


def _offered(channel: Channel) -> tuple[int, int]:
    """Native type and count of a channel, after its modifiers."""
    data = channel.served_pv.data
    dtype, count = channel.served_pv.native, data.max_length
    if channel.long_string and dtype == protocol.STRING:
        return protocol.CHAR, long_string_length(data)
    if channel.arr is not None and count > 1:  # EPICS base: "array data only"
        step = slice(
            channel.arr.s,
            None if channel.arr.e in (None, -1) else channel.arr.e + 1,
            channel.arr.i,
        )
        count = len(range(count)[step])
    return dtype, count


def clear_channel(circuit: Circuit, request: Request) -> None:
    """Disconnect a name and all its monitors."""
    channel = circuit.channels.pop(request.p1, None)
    if channel is None:
        raise BadRequest("Bad Resource ID")
    circuit.drop(channel)
    _send_back(circuit, protocol.CLEAR_CHANNEL, request)


def events_off(circuit: Circuit, request: Request) -> None:
    """The client falls behind: keep only that its monitors have news."""
    del request
    circuit.events_off = True


def events_on(circuit: Circuit, request: Request) -> None:
    """The client has caught up: send it the newest of what changed."""
    del request
    circuit.events_off = False
    if circuit.output.pressure < CONGESTED:
        circuit.replay()


def table(find: Find) -> Handlers:
    """What a client may ask of a server whose PVs `find` knows.

    A put counts for most: it runs user code. Circuit.gets serves most READ_NOTIFY.
    """
    return {
        protocol.VERSION: (version, 1),
        protocol.EVENT_ADD: (read_handlers.event_add, 4),
        protocol.EVENT_CANCEL: (read_handlers.event_cancel, 1),
        protocol.READ: (read_handlers.read, 1),
        protocol.READ_NOTIFY: (read_handlers.read_notify, 1),
        protocol.WRITE: (write_handlers.write, 16),
        protocol.SEARCH: (functools.partial(search, find), 1),
        protocol.EVENTS_OFF: (events_off, 1),
        protocol.EVENTS_ON: (events_on, 1),
        protocol.READ_SYNC: (read_sync, 1),
        protocol.CLEAR_CHANNEL: (clear_channel, 1),
        protocol.CREATE_CHAN: (functools.partial(create_channel, find), 4),
        protocol.WRITE_NOTIFY: (write_handlers.write_notify, 16),
        protocol.CLIENT_NAME: (client_name, 1),
        protocol.HOST_NAME: (host_name, 1),
        protocol.ECHO: (echo, 1),
    }
