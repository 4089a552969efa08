"""One client's TCP connection: its channels, its monitors, its end.

Nothing here waits: gets and the like are answered within the call that read them, puts
and getters that wait run as tasks.
"""

import socket
from collections.abc import Callable, Mapping

from sswd.ioc.ca.circuit.channel import Channel, Subscription
from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.circuit.input import Input
from sswd.ioc.ca.circuit.output import CONGESTED
from sswd.ioc.ca.circuit.quick_gets import QuickGets
from sswd.ioc.ca.codec import payloads, protocol
from sswd.ioc.ca.codec.protocol import Request
from sswd.ioc.ca.shared import Shared

_PACK = protocol.HEADER.pack

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
    """One client. Loop thread only; made by Circuits, ended by `close`."""

    def __init__(
        self,
        shared: Shared,
        handlers: "Handlers",
        sock: socket.socket,
        address: tuple[str, int],
        on_closed: Callable[["Circuit"], None],
    ) -> None:
        super().__init__(shared, sock)
        self._handlers = handlers
        self._on_closed = on_closed
        self.address = address
        self.host: str | None = None
        self.user: str | None = None
        self.minor = 0
        self.channels: dict[int, Channel] = {}
        self.quick_gets = QuickGets(self.channels, self.output)
        self.subscriptions = 0
        self.next_sid = 0
        self.in_flight = 0
        self.last_put: tuple[str, float] | None = None
        """The channel's name, and when it came (monotonic)."""
        self.events_off = False
        self._pending: dict[Subscription, None] = {}
        self.start_reading()
        self.output.send_raw(
            _PACK(protocol.VERSION, 0, 0, protocol.MINOR_VERSION, 0, 0)
        )

    @property
    def closed(self) -> bool:
        """Whether the client is gone: nothing is sent any more."""
        return self.output.closed

    @property
    def is_in_use(self) -> bool:
        """Whether the client has a channel, or waits for a get or put."""
        return bool(self.channels or self.in_flight)

    # ---- requests
    def gets(self, data: bytearray, at: int, end: int, budget: int) -> int:
        """Answer the READ_NOTIFYs of plain values from `at` on; how many they were."""
        if self.shared.is_rechecking:
            return 0  # `handle` asks first what the client may read now
        return self.quick_gets.serve(data, at, end, budget)

    def handle(self, request: Request) -> int:
        """Serve any other request; what it costs of the turn's budget."""
        cmd = request.cmd
        if self.minor < protocol.OLDEST_MINOR and cmd not in (
            protocol.VERSION,
            protocol.CREATE_CHAN,
        ):
            self.error(request, protocol.DEFUNCT, "CAS: client version too old")
            return 1
        if cmd not in self._handlers:
            text = "invalid (damaged?) request code from TCP"
            raise BadRequest(text, head=request.head)
        handler, cost = self._handlers[cmd]
        try:
            handler(self, request)
        except BadRequest as bad:
            bad.head = request.head
            raise
        except Exception as error:  # noqa: BLE001 - around user code: check_access etc.
            self.shared.log_failure("request", f"command {cmd}", self, error)
            self.error(request, protocol.INTERNAL, type(error).__name__)
        return cost

    def channel(self, request: Request) -> Channel:
        """The channel that a request names. Raises BadRequest: base disconnects."""
        channel = self.channels.get(request.p1)
        if channel is None:
            raise BadRequest("Bad Resource ID")
        if self.shared.is_rechecking:
            self.recheck(channel)
        return channel

    def rights(self, channel: Channel) -> int:
        """What this client may do with a PV, and whether its puts are recorded."""
        data = channel.served_pv.data
        rights = int(data.check_access(self.host, self.user))
        access = self.shared.access
        if access is None:
            return rights
        granted = access.granted(self, channel.name, data)
        channel.is_recorded = granted.traps
        return rights & granted.rights

    def error(self, request: Request, status: int, text: str) -> None:
        """A CA_PROTO_ERROR in answer to a request; the circuit goes on."""
        self._send_error(request.head, status, text)

    def _send_error(self, head: bytes, status: int, text: str) -> None:
        cid = protocol.NO_ID
        cmd, _, _, _, sid, _ = protocol.HEADER.unpack_from(head)
        if cmd in _CHANNEL_COMMANDS and sid in self.channels:
            cid = self.channels[sid].cid
        self.output.send_raw(protocol.error_message(head, cid, status, text))

    def refuse(self, bad: BadRequest) -> None:
        """Tell the client what it did wrong, as far as it still listens, and close."""
        self.counts.bad_requests += 1
        self.shared.log_bad_request(self, bad)
        if not bad.quiet:
            self._send_error(bad.head, bad.status, str(bad))
        self.output.flush()
        self.close()

    # ---- events
    def event(self, sub: Subscription) -> None:
        """Send the present value of a monitor, or remember that it has news."""
        output = self.output
        if output.pressure >= CONGESTED or self.events_off:
            self._pending[sub] = None
            self.counts.conflated += 1
            return
        key = sub.key
        status = protocol.NORMAL
        try:
            payload = sub.payload() if sub.filtered else sub.served_pv.wire(key)
        except ValueError:
            status = protocol.GETFAIL
            payload = payloads.zeros(key[0], key[1], sub.served_pv.data.max_length)
        if payload is None:
            return
        self.counts.updates += 1
        output.event(key[0], status, sub.subid, payload)

    def replay(self) -> None:
        """The client takes events again: the newest of each monitor that has news."""
        if self.events_off or not self._pending:
            return
        todo, self._pending = self._pending, {}
        for sub in todo:
            if sub.active:
                self.event(sub)

    def end_subscription(self, sub: Subscription) -> None:
        """End one monitor."""
        sub.end()
        self._pending.pop(sub, None)
        sub.channel.subs.pop(sub.subid, None)
        self.subscriptions -= 1
        self.counts.subscriptions -= 1

    def send_unreadable(self, sub: Subscription) -> None:
        """An event that says that the client may not read."""
        dtype, count = sub.key[:2]
        payload = payloads.zeros(dtype, count, sub.channel.served_pv.data.max_length)
        self.output.reply(
            protocol.EVENT_ADD, dtype, protocol.NORDACCESS, sub.subid, payload
        )

    # ---- channels
    def drop(self, channel: Channel) -> None:
        """End what hangs on a channel that is gone."""
        self.quick_gets.forget()
        for sub in list(channel.subs.values()):
            self.end_subscription(sub)
        self.counts.channels -= 1

    def recheck(self, channel: Channel) -> None:
        """Ask again what this client may do with it; tell it what has changed."""
        try:
            rights = self.rights(channel)
        except Exception as error:  # noqa: BLE001 - around user code: check_access
            self.shared.log_failure("check_access", channel.name, self, error)
            rights = 0  # who cannot be judged may do nothing
        if rights == channel.rights:
            return
        self.quick_gets.forget()
        could_read = channel.rights & protocol.READ_RIGHT
        channel.grant(rights)
        self.output.send_raw(
            _PACK(protocol.ACCESS_RIGHTS, 0, 0, 0, channel.cid, rights)
        )
        if could_read == rights & protocol.READ_RIGHT:
            return
        for sub in channel.subs.values():
            if could_read:
                sub.stop()
                self._pending.pop(sub, None)
                self.send_unreadable(sub)
            else:
                sub.start()

    def close(self) -> None:
        """End the circuit. Its running puts go on: what was accepted is done."""
        if self.closed:
            return
        self.stop_reading()
        self.output.close()
        for channel in self.channels.values():
            self.drop(channel)
        self.channels.clear()
        self.quick_gets.forget()
        self._pending.clear()
        self.rest = bytearray()
        self.sock.close()
        self._on_closed(self)


Handler = Callable[[Circuit, Request], None]
Handlers = Mapping[int, tuple[Handler, int]]
"""Command -> (handler, what it counts for in the budget of a turn)."""
