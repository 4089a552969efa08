"""Puts: from the bytes of a request to the PV's putter, and the truth about its end."""

import asyncio

import caproto

from sswd.ioc.ca.caproto_private.data import write_acknowledge
from sswd.ioc.ca.circuit.channel import Channel
from sswd.ioc.ca.circuit.circuit import Circuit
from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.protocol import Request
from sswd.ioc.ca.evloop.eager import Coro
from sswd.ioc.ca.put_note import PutNote, fate_of
from sswd.ioc.ca.pv.noted_values import put_note
from sswd.ioc.ca.pv.perform_put import Sent, perform_put

REFUSED, DENIED = "REFUSED", "DENIED"


def write(circuit: Circuit, request: Request) -> None:
    """A put without callback: nobody waits, but a failure is told."""
    _put(circuit, request)


def write_notify(circuit: Circuit, request: Request) -> None:
    """A put with callback: answered with the status when its putter has ended."""
    _put(circuit, request)


def _put(circuit: Circuit, request: Request) -> None:
    channel = circuit.channel(request)
    note = _note(circuit, channel, request)
    if request.dtype > protocol.LAST_TYPE:
        text = channel.name
        _noted(circuit, note, REFUSED, "bad type")
        if request.cmd == protocol.WRITE_NOTIFY:
            _answer(circuit, request, protocol.BADTYPE, text)
            raise BadRequest(text, quiet=True)
        raise BadRequest(text, protocol.BADTYPE)
    puts = channel.served_pv.puts
    puts.overlap = getattr(channel.served_pv.data, "puts_overlap", False)
    refusal = _denial(circuit, channel) or _refusal(circuit, channel, request)
    if refusal is not None:
        status, fate, words = refusal
        _noted(circuit, note, fate, words)
        _answer(circuit, request, status, f"{channel.name}: {words}")
        return
    circuit.last_put = (channel.name, circuit.last_message_s)
    circuit.in_flight += 1
    circuit.counts.puts_in_flight += 1

    def done(error: BaseException | None) -> None:
        circuit.in_flight -= 1
        circuit.counts.puts_in_flight -= 1
        if note is not None:
            _noted(circuit, note, *fate_of(error))
        _ended(circuit, channel, request, error)

    puts.add(lambda: _perform(circuit, channel, request, note), done)


def _refusal(
    circuit: Circuit, channel: Channel, request: Request
) -> tuple[int, str, str] | None:
    """(status, fate, words) where a put does not come as far as its PV."""
    if request.dtype > protocol.PUT_ACKS or (
        request.cmd == protocol.WRITE_NOTIFY
        and protocol.STS <= request.dtype < protocol.PUT_ACKT
    ):
        # EPICS base takes values together with metadata in plain puts only.
        return protocol.PUTFAIL, REFUSED, "a value together with metadata"
    limit = circuit.limits.requests_in_flight
    if circuit.in_flight >= limit or len(channel.served_pv.puts) >= limit:
        circuit.shared.over_limit(circuit, "puts in flight", limit)
        return protocol.PUTFAIL, REFUSED, "too many puts wait"
    return None


def _denial(circuit: Circuit, channel: Channel) -> tuple[int, str, str] | None:
    """As `_refusal`, where the client has no right to write.

    It is not even a REJECTED command: who may not write changes no PV, neither
    CMD_STATE of those who may, nor an alarm. Status and text are as EPICS base's.
    """
    if channel.rights & protocol.WRITE_RIGHT:
        return None
    access, data = circuit.shared.access, channel.served_pv.data
    can_be_written = int(data.check_access(circuit.host, circuit.user))
    if access is None or not can_be_written & protocol.WRITE_RIGHT:
        return protocol.NOWTACCESS, DENIED, "no right to write"
    return protocol.NOWTACCESS, DENIED, access.words(circuit, channel.name, data)


def _note(circuit: Circuit, channel: Channel, request: Request) -> PutNote | None:
    """What is known of a put that has arrived; None: nobody keeps a record."""
    if circuit.shared.on_put is None:
        return None
    if not channel.is_recorded and channel.rights & protocol.WRITE_RIGHT:
        return None  # what is denied is recorded always
    return put_note(
        channel.name,
        channel.served_pv.data,
        (request.dtype, request.elements, request.body),
        (circuit.address[0], circuit.host or "", circuit.user or ""),
    )


def _noted(circuit: Circuit, note: PutNote | None, fate: str, words: str) -> None:
    """The put has ended so."""
    if note is not None and circuit.shared.on_put is not None:
        note.ended(fate, words)
        circuit.shared.on_put(note)


def _perform(
    circuit: Circuit, channel: Channel, request: Request, note: PutNote | None
) -> Coro:
    """The put itself, once it is its turn."""
    data = channel.served_pv.data
    if request.dtype in (protocol.PUT_ACKT, protocol.PUT_ACKS):
        number = int.from_bytes(request.body[:2], "big")
        return write_acknowledge(data, request.dtype, number)
    sent = Sent(request.dtype, request.elements, request.body)
    return perform_put(data, sent, circuit, note)


def _ended(
    circuit: Circuit,
    channel: Channel,
    request: Request,
    error: BaseException | None,
) -> None:
    if error is None:
        _answer(circuit, request, protocol.NORMAL, "")
        return
    circuit.counts.failed_puts += 1
    if isinstance(error, asyncio.CancelledError):
        _answer(circuit, request, protocol.PUTFAIL, "server is going down")
        return
    circuit.shared.log_failure("put to", channel.name, circuit, error)
    denied = isinstance(error, caproto.Forbidden)
    _answer(
        circuit,
        request,
        protocol.NOWTACCESS if denied else protocol.PUTFAIL,
        f"{channel.name}: {error}",
    )


def _answer(circuit: Circuit, request: Request, status: int, text: str) -> None:
    """WRITE_NOTIFY is answered always, WRITE only when it failed."""
    if circuit.closed:
        return
    if request.cmd == protocol.WRITE_NOTIFY:
        dtype, count = request.dtype, request.elements
        circuit.output.send_raw(
            protocol.header(protocol.WRITE_NOTIFY, 0, dtype, count, status, request.p2)
        )
    elif status != protocol.NORMAL:
        circuit.error(request, status, text)
