"""Puts: from the bytes of a request to the PV's putter, and the truth about its end."""

import asyncio

import caproto

from sswd.errors import CommandError
from sswd.ioc.ca.caproto_private.data import Data, dbr_type, write_acknowledge
from sswd.ioc.ca.circuit.channel import Channel
from sswd.ioc.ca.circuit.circuit import Circuit
from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.codec import protocol, put_values
from sswd.ioc.ca.codec.protocol import Request
from sswd.ioc.ca.evloop.eager import Coro
from sswd.ioc.ca.pv.putter import PUTTER


def write(circuit: Circuit, request: Request) -> None:
    """A put without callback: nobody waits, but a failure is told."""
    _put(circuit, request)


def write_notify(circuit: Circuit, request: Request) -> None:
    """A put with callback: answered with the status when its putter has ended."""
    _put(circuit, request)


def _put(circuit: Circuit, request: Request) -> None:
    channel = circuit.channel(request)
    if request.dtype > protocol.LAST_TYPE:
        text = channel.name
        if request.cmd == protocol.WRITE_NOTIFY:
            _answer(circuit, channel, request, protocol.BADTYPE, text)
            raise BadRequest(text, quiet=True)
        raise BadRequest(text, protocol.BADTYPE)
    if request.dtype > protocol.PUT_ACKS or (
        request.cmd == protocol.WRITE_NOTIFY
        and protocol.STS <= request.dtype < protocol.PUT_ACKT
    ):
        # EPICS base takes values together with metadata in plain puts only.
        _answer(circuit, channel, request, protocol.PUTFAIL, channel.name)
        return
    if not channel.rights & protocol.WRITE_RIGHT:
        _answer(circuit, channel, request, protocol.NOWTACCESS, channel.name)
        return
    puts = channel.served_pv.puts
    puts.overlap = getattr(channel.served_pv.data, "puts_overlap", False)
    limit = circuit.limits.requests_in_flight
    if circuit.in_flight >= limit or len(puts) >= limit:
        circuit.shared.over_limit(circuit, "puts in flight", limit)
        _answer(circuit, channel, request, protocol.PUTFAIL, "too many puts wait")
        return
    circuit.last_put = (channel.name, circuit.last_message_s)
    circuit.in_flight += 1
    circuit.counts.puts_in_flight += 1

    def done(error: BaseException | None) -> None:
        circuit.in_flight -= 1
        circuit.counts.puts_in_flight -= 1
        _ended(circuit, channel, request, error)

    puts.add(lambda: _perform(circuit, channel, request), done)


def _perform(circuit: Circuit, channel: Channel, request: Request) -> Coro:
    """caproto's auth_write: access, conversion, limits, putter, publication."""
    data = channel.served_pv.data
    if request.dtype in (protocol.PUT_ACKT, protocol.PUT_ACKS):
        number = int.from_bytes(request.body[:2], "big")
        return write_acknowledge(data, request.dtype, number)
    return _write(circuit, channel, request)


async def _write(circuit: Circuit, channel: Channel, request: Request) -> object:
    """A PV that forwards its puts is told of those that never reach its putter: its
    `refuse_put(words)` returns what is to be raised instead."""
    data = channel.served_pv.data
    PUTTER.set(f"{circuit.user}@{circuit.host}")
    try:
        return await _convert_and_write(circuit, data, request)
    except (CommandError, caproto.Forbidden):
        raise
    except Exception as error:
        refuse = getattr(data, "refuse_put", None)
        if refuse is None:
            raise
        raise refuse(str(error)) from error


async def _convert_and_write(circuit: Circuit, data: Data, request: Request) -> object:
    native, values = put_values.values(
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
    circuit: Circuit,
    channel: Channel,
    request: Request,
    error: BaseException | None,
) -> None:
    if error is None:
        _answer(circuit, channel, request, protocol.NORMAL, "")
        return
    circuit.counts.failed_puts += 1
    if isinstance(error, asyncio.CancelledError):
        _answer(circuit, channel, request, protocol.PUTFAIL, "server is going down")
        return
    circuit.shared.log_failure("put to", channel.name, circuit, error)
    denied = isinstance(error, caproto.Forbidden)
    _answer(
        circuit,
        channel,
        request,
        protocol.NOWTACCESS if denied else protocol.PUTFAIL,
        f"{channel.name}: {error}",
    )


def _answer(
    circuit: Circuit, channel: Channel, request: Request, status: int, text: str
) -> None:
    """WRITE_NOTIFY is answered always, WRITE only when it failed."""
    del channel
    if circuit.closed:
        return
    if request.cmd == protocol.WRITE_NOTIFY:
        dtype, count = request.dtype, request.elements
        circuit.output.send_raw(
            protocol.header(protocol.WRITE_NOTIFY, 0, dtype, count, status, request.p2)
        )
    elif status != protocol.NORMAL:
        circuit.error(request, status, text)
