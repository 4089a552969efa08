"""Gets that need more than a cached payload, and monitors."""

import asyncio

import caproto

from sswd.ioc.ca.caproto_private.data import dbr_type
from sswd.ioc.ca.circuit.channel import Channel, FilteredSubscription, Subscription
from sswd.ioc.ca.circuit.circuit import Circuit
from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.codec import payloads, protocol
from sswd.ioc.ca.codec.filters import NO_FILTERS
from sswd.ioc.ca.codec.payloads import Payload
from sswd.ioc.ca.codec.protocol import Request
from sswd.ioc.ca.evloop.eager import start_now

ALL_EVENTS = 0xFF


def read(circuit: Circuit, request: Request) -> None:
    """The get of old clients: answered with the client's channel id, or an error."""
    channel = circuit.channel(request)
    if request.dtype > protocol.LAST_TYPE:
        raise BadRequest(channel.name, protocol.BADTYPE)
    _read(circuit, channel, request)


def read_notify(circuit: Circuit, request: Request) -> None:
    """A get that Circuit.gets could not answer from the cache."""
    if request.dtype > protocol.LAST_TYPE:
        raise BadRequest("bad type", quiet=True)
    _read(circuit, circuit.channel(request), request)


def _read(circuit: Circuit, channel: Channel, request: Request) -> None:
    """A get that runs a getter, is not allowed, or comes from an old client."""
    if not channel.rights & protocol.READ_RIGHT:
        _answer(circuit, channel, request, None, protocol.NORDACCESS)
    elif not channel.served_pv.live:
        _answer_value(circuit, channel, request)
    elif circuit.in_flight >= circuit.limits.requests_in_flight:
        circuit.shared.over_limit(circuit, "requests in flight", circuit.in_flight)
        _answer(circuit, channel, request, None, protocol.GETFAIL)
    else:
        circuit.in_flight += 1
        circuit.shared.keep(start_now(_live(circuit, channel, request), circuit.loop))


async def _live(circuit: Circuit, channel: Channel, request: Request) -> None:
    """Run the PV's getter, then answer."""
    served_pv = channel.served_pv
    try:
        metadata, values = await served_pv.data.auth_read(
            circuit.host,
            circuit.user,
            dbr_type(request.dtype, long_string=channel.long_string),
            user_address=circuit.address,
        )
        payload = None
        if served_pv.foreign:
            payload = payloads.pack_read(
                metadata,
                values,
                served_pv.source(),
                (request.dtype, request.elements, channel.long_string, channel.arr),
                served_pv.data.max_length,
            )
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - around user code: a getter
        circuit.shared.log_failure("get of", channel.name, circuit, error)
        denied = isinstance(error, caproto.Forbidden)
        status = protocol.NORDACCESS if denied else protocol.GETFAIL
        _answer(circuit, channel, request, None, status)
    else:
        if payload is None:
            _answer_value(circuit, channel, request)
        else:
            _answer(circuit, channel, request, payload, protocol.NORMAL)
    finally:
        circuit.in_flight -= 1


def _answer_value(circuit: Circuit, channel: Channel, request: Request) -> None:
    key = (request.dtype, request.elements, channel.long_string, channel.arr)
    try:
        payload = channel.payload(key)
    except ValueError:
        _answer(circuit, channel, request, None, protocol.GETFAIL)
    else:
        _answer(circuit, channel, request, payload, protocol.NORMAL)


def _answer(
    circuit: Circuit,
    channel: Channel,
    request: Request,
    payload: Payload | None,
    status: int,
) -> None:
    """Reply to a READ or READ_NOTIFY; without payload the elements are zeros."""
    if circuit.closed:
        return
    if request.cmd == protocol.READ:
        if payload is None:
            circuit.error(request, status, channel.name)
            return
        status = channel.cid
        if request.dtype == protocol.STRING and request.elements == 1:
            payload = payloads.trimmed(payload)
    if payload is None:
        longest = channel.served_pv.data.max_length
        payload = payloads.zeros(request.dtype, request.elements, longest)
    circuit.output.reply(request.cmd, request.dtype, status, request.p2, payload)


def event_add(circuit: Circuit, request: Request) -> None:
    """Start a monitor: the present value at once, then what its mask asks for."""
    if request.dtype > protocol.LAST_TYPE:
        raise BadRequest("bad type", quiet=True)
    channel = circuit.channel(request)
    if len(request.body) < protocol.MASK.size:
        raise BadRequest("monitor request without a mask")
    if circuit.subscriptions >= circuit.limits.subscriptions:
        circuit.shared.over_limit(circuit, "subscriptions", circuit.subscriptions)
        circuit.error(request, protocol.ALLOCMEM, channel.name)
        return
    (mask,) = protocol.MASK.unpack_from(request.body)
    if not 0 < mask <= ALL_EVENTS:
        raise BadRequest(f"{channel.name}: no such event mask", protocol.ALLOCMEM)
    key = (request.dtype, request.elements, channel.long_string, channel.arr)
    plain = channel.filters._replace(arr=None) == NO_FILTERS
    kind = Subscription if plain else FilteredSubscription
    old = channel.subs.get(request.p2)
    if old is not None:  # an id used twice: the newer monitor holds it
        circuit.end_subscription(old)
    sub = channel.subs[request.p2] = kind(circuit, channel, request.p2, mask, key)
    circuit.subscriptions += 1
    circuit.counts.subscriptions += 1
    if channel.rights & protocol.READ_RIGHT:
        sub.start()
    else:
        circuit.send_unreadable(sub)


def event_cancel(circuit: Circuit, request: Request) -> None:
    """End a monitor; the answer is its last message."""
    channel = circuit.channel(request)
    sub = channel.subs.get(request.p2)
    if sub is None:
        raise BadRequest(channel.name, protocol.BADMONID)
    circuit.end_subscription(sub)
    dtype, count = sub.key[:2]
    circuit.output.send_raw(
        protocol.header(protocol.EVENT_ADD, 0, dtype, count, channel.sid, sub.subid)
    )
