"""What a client has opened on this server: channels and the subscriptions on them."""

import time
from typing import Protocol

from sswd.ioc.ca.caproto_private.data import snapshot, time_stamp
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.filters import ArrayFilter, Filters, gates_of
from sswd.ioc.ca.codec.payloads import Key, Payload
from sswd.ioc.ca.pv.served_pv import ServedPv


class Channel:
    """One name that one client has connected to."""

    __slots__ = (
        "arr",
        "cid",
        "filters",
        "is_recorded",
        "long_string",
        "name",
        "quick",
        "rights",
        "served_pv",
        "sid",
        "subs",
    )

    def __init__(
        self, sid: int, cid: int, name: str, served_pv: ServedPv, filters: Filters
    ) -> None:
        self.sid = sid
        self.cid = cid
        self.name = name
        self.served_pv = served_pv
        self.filters = filters
        self.arr: ArrayFilter | None = filters.arr
        self.long_string = False
        self.rights = 0
        self.is_recorded = True
        """Whether its puts are, where a record of puts is kept."""
        self.quick = False
        self.subs: dict[int, Subscription] = {}

    def grant(self, rights: int) -> None:
        """Set what the client may do."""
        self.rights = rights
        self.quick = bool(
            rights & protocol.READ_RIGHT
            and not self.served_pv.live
            and not self.filters.ts
        )

    def payload(self, key: Key) -> Payload:
        """The current value as a get sees it. Raises ValueError."""
        if self.filters.ts:
            return self.served_pv.fresh(key, stamp=time_stamp(None, time.time_ns()))
        return self.served_pv.wire(key)


class EventQueue(Protocol):
    """What a subscription needs of its circuit."""

    def event(self, sub: "Subscription") -> None:
        """Send the present value of a monitor, or remember that it has news."""
        ...


class Subscription:
    """One monitor of one client; what a ServedPv notifies."""

    __slots__ = ("active", "channel", "circuit", "key", "mask", "served_pv", "subid")

    filtered = False

    def __init__(
        self, circuit: EventQueue, channel: Channel, subid: int, mask: int, key: Key
    ) -> None:
        self.circuit = circuit
        self.channel = channel
        self.served_pv = channel.served_pv
        self.subid = subid
        self.mask = mask
        self.key = key
        self.active = True

    def changed(self, flags: int) -> None:
        """The PV has changed: send it, or remember it while the client cannot take."""
        del flags
        self.circuit.event(self)

    def payload(self) -> Payload | None:
        """What to send; None: nothing now. Raises ValueError."""
        return self.served_pv.wire(self.key)

    def start(self) -> None:
        """Listen, and send the present value."""
        self.served_pv.subs[self] = None
        self.changed(protocol.DBE_VALUE)

    def stop(self) -> None:
        """Do not listen for now."""
        self.served_pv.subs.pop(self, None)

    def end(self) -> None:
        """Stop for good; nothing is sent for it any more."""
        self.active = False
        self.stop()


class FilteredSubscription(Subscription):
    """A monitor through filters other than that of arrays: not as fast."""

    __slots__ = ("_gates", "_last")

    filtered = True

    def __init__(
        self, circuit: EventQueue, channel: Channel, subid: int, mask: int, key: Key
    ) -> None:
        super().__init__(circuit, channel, subid, mask, key)
        self._gates = gates_of(channel.filters)
        self._last: bytes | None = None

    def changed(self, flags: int) -> None:
        """As its base, if the event passes the gates: each sees what the former let."""
        value = self.served_pv.store["value"]
        if all(gate.passes(value, flags) for gate in self._gates):
            self.circuit.event(self)

    def payload(self) -> Payload | None:
        """The value stamped now, or the one that `sync` has kept."""
        filters, served_pv = self.channel.filters, self.served_pv
        data = served_pv.data
        if filters.sync is not None:
            kept = snapshot(data, *filters.sync)
            if kept is None:
                return None
            data = kept
        stamp = time_stamp(None, time.time_ns()) if filters.ts else None
        payload = served_pv.fresh(self.key, data, stamp)
        if filters.sync is not None:
            body = payload.joined()
            if body == self._last:
                return None  # an edge is told once
            self._last = body
        return payload
