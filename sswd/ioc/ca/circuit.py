"""One client's TCP connection: its channels, its monitors, its end.

Nothing here waits: gets and the like are answered within the call that read them, puts
and getters that wait run as tasks.
"""

import socket
import time
from typing import TYPE_CHECKING

from sswd.ioc.ca import encode, wire
from sswd.ioc.ca.channel import Channel, Subscription
from sswd.ioc.ca.encode import BIG
from sswd.ioc.ca.errors import BadRequest
from sswd.ioc.ca.input import Input
from sswd.ioc.ca.reading import send_unreadable
from sswd.ioc.ca.requests import HANDLERS
from sswd.ioc.ca.seam import Data
from sswd.ioc.ca.wire import Request

if TYPE_CHECKING:
    from sswd.ioc.ca.context import Context

_PACK = wire.HEADER.pack
_CHANNEL_COMMANDS = frozenset(
    {
        wire.EVENT_ADD,
        wire.EVENT_CANCEL,
        wire.READ,
        wire.READ_NOTIFY,
        wire.WRITE,
        wire.WRITE_NOTIFY,
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
        self.subscriptions = 0
        self.next_sid = 0
        self.in_flight = 0
        self.events_off = False
        self.pending: dict[Subscription, None] = {}
        self.loop.add_reader(self.fd, self.on_readable)
        self.send_raw(_PACK(wire.VERSION, 0, 0, wire.MINOR_VERSION, 0, 0))

    # ---- requests
    def get(self, dtype: int, count: int, sid: int, ioid: int) -> bool:
        """READ_NOTIFY of a plain value: its cached payload."""
        channel = self.channels.get(sid)
        if channel is None or not channel.quick or dtype > wire.LAST_TYPE:
            return False
        try:
            payload = channel.entry.wire(
                (dtype, count, channel.long_string, channel.arr)
            )
        except ValueError:
            return False
        size = payload.size
        if size < BIG:
            out = self.out
            out.append(_PACK(wire.READ_NOTIFY, size, dtype, payload.elements, 1, ioid))
            out.append(payload.body)
            self.unsent_bytes += 16 + size
            self.asked_bytes += 16 + size
        else:
            self.reply(wire.READ_NOTIFY, dtype, 1, ioid, payload)
        return True

    def handle(self, request: Request) -> int:
        """Serve any other request; what it costs of the turn's budget."""
        cmd = request.cmd
        if self.minor < wire.OLDEST_MINOR and cmd not in (
            wire.VERSION,
            wire.CREATE_CHAN,
        ):
            self.error(request, wire.DEFUNCT, "CAS: client version too old")
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
            self.error(request, wire.INTERNAL, type(error).__name__)
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
        cid = wire.NO_ID
        cmd, _, _, _, sid, _ = wire.HEADER.unpack_from(head)
        if cmd in _CHANNEL_COMMANDS and sid in self.channels:
            cid = self.channels[sid].cid
        self.send_raw(wire.error_message(head, cid, status, text))

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
            if self.lent:
                self.lend_no_longer(time.monotonic())
            return
        dtype = sub.key[0]
        status = wire.NORMAL
        try:
            payload = sub.payload() if sub.filtered else sub.entry.wire(sub.key)
        except ValueError:
            status = wire.GETFAIL
            payload = encode.zeros(dtype, sub.key[1], sub.entry.data.max_length)
        if payload is None:
            return
        self.counts.updates += 1
        size, count = payload.size, payload.elements
        if size < BIG and count < wire.EXTENDED:
            out = self.out
            out.append(_PACK(wire.EVENT_ADD, size, dtype, count, status, sub.subid))
            out.append(payload.body)
            self.unsent_bytes += 16 + size
        else:
            header = wire.header(wire.EVENT_ADD, size, dtype, count, status, sub.subid)
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
        for sub in list(channel.subs.values()):
            self.end_subscription(sub)
        self.counts.channels -= 1

    def recheck_access(self) -> None:
        """Ask again what this client may do; tell it what has changed."""
        for channel in self.channels.values():
            rights = self.rights(channel.entry.data)
            if rights == channel.rights:
                continue
            could_read = channel.rights & wire.READ_RIGHT
            channel.grant(rights)
            self.send_raw(_PACK(wire.ACCESS_RIGHTS, 0, 0, 0, channel.cid, rights))
            if could_read == rights & wire.READ_RIGHT:
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
        self.pending.clear()
        self.out.clear()
        self.rest = bytearray()
        self.sock.close()
        self.context.gone(self)
