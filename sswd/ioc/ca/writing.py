"""Puts: from the bytes of a request to the PV's putter, and the truth about its end."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import caproto

from sswd.ioc.ca import incoming, wire
from sswd.ioc.ca.channel import Channel
from sswd.ioc.ca.errors import BadRequest
from sswd.ioc.ca.seam import dbr_type, write_acknowledge
from sswd.ioc.ca.wire import Request

if TYPE_CHECKING:
    from sswd.ioc.ca.circuit import Circuit


def write(circuit: "Circuit", request: Request) -> None:
    """A put without callback: nobody waits, but a failure is told."""
    _put(circuit, request)


def write_notify(circuit: "Circuit", request: Request) -> None:
    """A put with callback: answered with the status when its putter has ended."""
    _put(circuit, request)


def _put(circuit: "Circuit", request: Request) -> None:
    channel = circuit.channel(request)
    if request.dtype > wire.LAST_TYPE:
        text = channel.name
        if request.cmd == wire.WRITE_NOTIFY:
            _answer(circuit, channel, request, wire.BADTYPE, text)
            raise BadRequest(text, quiet=True)
        raise BadRequest(text, wire.BADTYPE)
    if request.dtype > wire.PUT_ACKS or (
        request.cmd == wire.WRITE_NOTIFY and wire.STS <= request.dtype < wire.PUT_ACKT
    ):
        # EPICS base takes values together with metadata in plain puts only.
        _answer(circuit, channel, request, wire.PUTFAIL, channel.name)
        return
    if not channel.rights & wire.WRITE_RIGHT:
        _answer(circuit, channel, request, wire.NOWTACCESS, channel.name)
        return
    puts = channel.entry.puts
    puts.overlap = getattr(channel.entry.data, "puts_overlap", False)
    limit = circuit.limits.requests_in_flight
    if circuit.in_flight >= limit or len(puts) >= limit:
        circuit.context.over_limit(circuit, "puts in flight", limit)
        _answer(circuit, channel, request, wire.PUTFAIL, "too many puts wait")
        return
    circuit.in_flight += 1
    circuit.counts.puts_in_flight += 1

    def done(error: BaseException | None) -> None:
        circuit.in_flight -= 1
        circuit.counts.puts_in_flight -= 1
        _ended(circuit, channel, request, error)

    puts.add(lambda: _perform(circuit, channel, request), done)


def _perform(
    circuit: "Circuit", channel: Channel, request: Request
) -> Coroutine[Any, Any, object]:
    """caproto's auth_write: access, conversion, limits, putter, publication."""
    data = channel.entry.data
    if request.dtype in (wire.PUT_ACKT, wire.PUT_ACKS):
        number = int.from_bytes(request.body[:2], "big")
        return write_acknowledge(data, request.dtype, number)
    return _write(circuit, channel, request)


async def _write(circuit: "Circuit", channel: Channel, request: Request) -> object:
    data = channel.entry.data
    native, values = incoming.values(
        data, request.dtype, request.elements, request.body
    )
    # Only the value counts: with caproto a client could also set time, alarm, units
    # and limits by putting a TIME or CTRL type. EPICS base ignores them.
    return await data.auth_write(
        circuit.host,
        circuit.user,
        values,
        dbr_type(native, long_string=False),
        None,
        user_address=circuit.address,
    )


def _ended(
    circuit: "Circuit",
    channel: Channel,
    request: Request,
    error: BaseException | None,
) -> None:
    if error is None:
        _answer(circuit, channel, request, wire.NORMAL, "")
        return
    circuit.counts.failed_puts += 1
    if isinstance(error, asyncio.CancelledError):
        _answer(circuit, channel, request, wire.PUTFAIL, "server is going down")
        return
    circuit.context.tell_failure("put to", channel.name, circuit, error)
    denied = isinstance(error, caproto.Forbidden)
    _answer(
        circuit,
        channel,
        request,
        wire.NOWTACCESS if denied else wire.PUTFAIL,
        f"{channel.name}: {error}",
    )


def _answer(
    circuit: "Circuit", channel: Channel, request: Request, status: int, text: str
) -> None:
    """WRITE_NOTIFY is answered always, WRITE only when it failed."""
    del channel
    if circuit.closed:
        return
    if request.cmd == wire.WRITE_NOTIFY:
        dtype, count = request.dtype, request.elements
        circuit.send_raw(
            wire.header(wire.WRITE_NOTIFY, 0, dtype, count, status, request.p2)
        )
    elif status != wire.NORMAL:
        circuit.error(request, status, text)
