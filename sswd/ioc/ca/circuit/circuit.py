"""One client's TCP connection: its channels, its monitors, its end.

Nothing here waits: gets and the like are answered within the call that read them, puts
and getters that wait run as tasks.
"""

import socket
import struct
from typing import TYPE_CHECKING

from sswd.ioc.ca.caproto_private.data import Data
from sswd.ioc.ca.circuit.channel import Channel, Subscription
from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.circuit.handlers import HANDLERS
from sswd.ioc.ca.circuit.input import Input
from sswd.ioc.ca.circuit.read_handlers import send_unreadable
from sswd.ioc.ca.codec import payloads, protocol
from sswd.ioc.ca.codec.payloads import BIG
from sswd.ioc.ca.codec.protocol import Request
from sswd.ioc.ca.evloop.quick_loop import watch
from sswd.ioc.ca.pv.served_pv import ServedPv

if TYPE_CHECKING:
    from sswd.ioc.ca.server.context import Context

_PACK = protocol.HEADER.pack
_SPLIT = struct.Struct("!12s4s").unpack_from
_ASK = struct.Struct("!HHHHI")
"""A header up to its last field: what differs between two gets of the same is ioid."""
MAX_ANSWERS = 1024
LONGEST_ANSWER = 64
"""Bytes of a payload that is kept: a client chooses what it asks, not our memory."""

Answer = tuple[ServedPv, int, bytes, bytes]
"""ServedPv and its version then; the reply: header to ioid, payload."""

_CHANNEL_COMMANDS = frozenset(
    {
        protocol.EVENT_ADD,
        protocol.EVENT_CANCEL,
        protocol.READ,
        protocol.READ_NOTIFY,
        protocol.WRITE,
        protocol.WRITE_NOTIFY,
    }
)


class Circuit(Input):
    """One client. Loop thread only; made by the acceptor, ended by `close`."""

    def __init__(
        self, context: "Context", sock: socket.socket, address: tuple[str, int]
    ) -> None:
        super().__init__(context, sock)
        self.address = address
        self.host: str | None = None
        self.user: str | None = None
        self.minor = 0
        self.channels: dict[int, Channel] = {}
        self.answers: dict[bytes, Answer] = {}
        self.subscriptions = 0
        self.next_sid = 0
        self.in_flight = 0
        self.events_off = False
        self.pending: dict[Subscription, None] = {}
        watch(self.loop, self.fd, self.on_readable)
        self.send_raw(_PACK(protocol.VERSION, 0, 0, protocol.MINOR_VERSION, 0, 0))

    # ---- requests
    def gets(self, data: bytearray, at: int, end: int, budget: int) -> int:
        """Answer the READ_NOTIFYs of plain values from `at` on; how many they were.

        What was asked before and has not changed since is answered by a look-up.
        """
        answers, out = self.answers, self.out
        served = size = 0
        room = self.high - self.asked_bytes
        while served < budget and size <= room and end - at >= protocol.HEADER.size:
            ask, ioid = _SPLIT(data, at)
            answer = answers.get(ask)
            if (
                answer is None
                or answer[0].version != answer[1]
                or not answer[0].is_as_noted()
            ):
                answer = self._answer_to(ask)
                if answer is None:
                    break
            body = answer[3]
            out += (answer[2], ioid, body)
            size += 16 + len(body)
            served += 1
            at += 16
        self.unsent_bytes += size
        self.asked_bytes += size
        return served

    def _answer_to(self, ask: bytes) -> Answer | None:
        """Make and keep the answer to a get, known by all of its header but the ioid;
        None: it is none, or needs more than a cached payload."""
        cmd, size, dtype, count, sid = _ASK.unpack(ask)
        channel = self.channels.get(sid)
        if cmd != protocol.READ_NOTIFY or size or channel is None or not channel.quick:
            return None
        if dtype > protocol.LAST_TYPE:
            return None
        served_pv = channel.served_pv
        try:
            payload = served_pv.wire((dtype, count, channel.long_string, channel.arr))
        except ValueError:
            return None
        if payload.size >= BIG:
            return None
        head = _ASK.pack(cmd, payload.size, dtype, payload.elements, protocol.NORMAL)
        answer = (served_pv, served_pv.version, head, payload.body)
        # Units and limits, which GR and CTRL types have, may change unnoticed.
        if dtype < protocol.GR and payload.size <= LONGEST_ANSWER:
            if len(self.answers) >= MAX_ANSWERS:
                self.answers.clear()
            self.answers[ask] = answer
        return answer

    def handle(self, request: Request) -> int:
        """Serve any other request; what it costs of the turn's budget."""
        cmd = request.cmd
        if self.minor < protocol.OLDEST_MINOR and cmd not in (
            protocol.VERSION,
            protocol.CREATE_CHAN,
        ):
            self.error(request, protocol.DEFUNCT, "CAS: client version too old")
            return 1
        if cmd not in HANDLERS:
            text = "invalid (damaged?) request code from TCP"
            raise BadRequest(text, head=request.head)
        handler, cost = HANDLERS[cmd]
        try:
            handler(self, request)
        except BadRequest as bad:
            bad.head = request.head
            raise
        except Exception as error:  # noqa: BLE001 - around user code: check_access etc.
            self.context.tell_failure("request", f"command {cmd}", self, error)
            self.error(request, protocol.INTERNAL, type(error).__name__)
        return cost

    def channel(self, request: Request) -> Channel:
        """The channel that a request names. Raises BadRequest: base disconnects."""
        channel = self.channels.get(request.p1)
        if channel is None:
            raise BadRequest("Bad Resource ID")
        return channel

    def rights(self, data: Data) -> int:
        """What this client may do with a PV."""
        return int(data.check_access(self.host, self.user))

    def error(self, request: Request, status: int, text: str) -> None:
        """A CA_PROTO_ERROR in answer to a request; the circuit goes on."""
        self._send_error(request.head, status, text)

    def _send_error(self, head: bytes, status: int, text: str) -> None:
        cid = protocol.NO_ID
        cmd, _, _, _, sid, _ = protocol.HEADER.unpack_from(head)
        if cmd in _CHANNEL_COMMANDS and sid in self.channels:
            cid = self.channels[sid].cid
        self.send_raw(protocol.error_message(head, cid, status, text))

    def refuse(self, bad: BadRequest) -> None:
        """Tell the client what it did wrong, as far as it still listens, and close."""
        self.counts.bad_requests += 1
        self.context.tell_refused(self, bad)
        if not bad.quiet:
            self._send_error(bad.head, bad.status, str(bad))
        self.flush()
        self.close()

    # ---- events
    def event(self, sub: Subscription) -> None:
        """Send the present value of a monitor, or remember that it has news."""
        if self.congested or self.events_off:
            self.pending[sub] = None
            self.counts.conflated += 1
            return
        dtype = sub.key[0]
        status = protocol.NORMAL
        try:
            payload = sub.payload() if sub.filtered else sub.served_pv.wire(sub.key)
        except ValueError:
            status = protocol.GETFAIL
            payload = payloads.zeros(dtype, sub.key[1], sub.served_pv.data.max_length)
        if payload is None:
            return
        self.counts.updates += 1
        size, count, body, _ = payload
        if size < BIG and count < protocol.EXTENDED:
            out = self.out
            out.append(_PACK(protocol.EVENT_ADD, size, dtype, count, status, sub.subid))
            out.append(body)
            self.unsent_bytes += 16 + size
        else:
            header = protocol.header(
                protocol.EVENT_ADD, size, dtype, count, status, sub.subid
            )
            self.queue(header, payload)
        if self.unsent_bytes > self.high:
            self.flush()
            if self.unsent_bytes > self.high:
                self.congested = True
        elif not self.scheduled:
            self.scheduled = True
            self.flusher.add(self)

    def replay(self) -> None:
        """The client takes events again: the newest of each monitor that has news."""
        if self.events_off or not self.pending:
            return
        todo, self.pending = self.pending, {}
        for sub in todo:
            if sub.active:
                self.event(sub)

    def end_subscription(self, sub: Subscription) -> None:
        """End one monitor."""
        sub.end()
        self.pending.pop(sub, None)
        sub.channel.subs.pop(sub.subid, None)
        self.subscriptions -= 1
        self.counts.subscriptions -= 1

    # ---- channels
    def drop(self, channel: Channel) -> None:
        """End what hangs on a channel that is gone."""
        self.answers.clear()
        for sub in list(channel.subs.values()):
            self.end_subscription(sub)
        self.counts.channels -= 1

    def recheck_access(self) -> None:
        """Ask again what this client may do; tell it what has changed."""
        for channel in self.channels.values():
            rights = self.rights(channel.served_pv.data)
            if rights == channel.rights:
                continue
            self.answers.clear()
            could_read = channel.rights & protocol.READ_RIGHT
            channel.grant(rights)
            self.send_raw(_PACK(protocol.ACCESS_RIGHTS, 0, 0, 0, channel.cid, rights))
            if could_read == rights & protocol.READ_RIGHT:
                continue
            for sub in channel.subs.values():
                if could_read:
                    sub.stop()
                    self.pending.pop(sub, None)
                    send_unreadable(self, sub)
                else:
                    sub.start()

    def close(self) -> None:
        """End the circuit. Its running puts go on: what was accepted is done."""
        if self.closed:
            return
        self.closed = True
        self.loop.remove_reader(self.fd)
        self.loop.remove_writer(self.fd)
        for channel in self.channels.values():
            self.drop(channel)
        self.channels.clear()
        self.answers.clear()
        self.pending.clear()
        self.out.clear()
        self._lends_nothing()
        self.rest = bytearray()
        self.sock.close()
        self.context.gone(self)
