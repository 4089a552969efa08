"""What this server keeps for one ChannelData: encoded payloads and who listens."""

import time
from collections.abc import Callable
from typing import Protocol

from sswd.ioc.ca.caproto_private.data import (
    SERVED_PV_ATTRIBUTE,
    Data,
    Stamp,
    alarm_numbers,
    caproto_publish,
    enum_strings,
    has_getter,
    keeps_value_as_given,
    needs_caproto,
    raw,
    reads_itself,
    serves_caproto,
    time_stamp,
    writes_plainly,
)
from sswd.ioc.ca.caproto_private.records import (
    follows_plainly,
    raw_value_field,
    record_of,
)
from sswd.ioc.ca.codec import dbr_elements, payloads, protocol
from sswd.ioc.ca.codec.payloads import Key, Payload
from sswd.ioc.ca.pv.put_queue import PutQueue

CACHED_KEYS = 64
CACHED_BYTES = 4 << 20
VALUE_LOG = protocol.DBE_VALUE | protocol.DBE_LOG
AS_GIVEN = frozenset((float, int, str))


class Listener(Protocol):
    """A subscription: what `notify` needs of it."""

    mask: int

    def changed(self, flags: int) -> None:
        """The value (or alarm, or property) has changed."""
        ...


class ServedPv:
    """One PV on the wire. Loop thread only.

    Made once for a ChannelData (`ServedPv.of`), whose `publish` it takes over on the
    instance, so that caproto's write, write_metadata and alarms arrive here; a caproto
    context that serves the same PV goes on getting its share.

    Payloads are cached until the next publication. A value or time stamp that is
    replaced without one is noticed by identity; an array changed in place is not.
    """

    __slots__ = (
        "_bytes",
        "_graphic",
        "_noted_stamp",
        "_plain",
        "_record",
        "_rval",
        "_stamp",
        "_value",
        "alarm",
        "as_given",
        "cache",
        "data",
        "foreign",
        "native",
        "on_change",
        "puts",
        "store",
        "subs",
        "version",
    )

    def __init__(self, data: Data) -> None:
        self.data = data
        self.store = raw(data)
        self.cache: dict[Key, Payload] = {}
        self.subs: dict[Listener, None] = {}
        self.version = 0
        """Counts the changes that payloads do not survive."""
        self.native = int(data.data_type)
        self.foreign = reads_itself(data)
        self.as_given = keeps_value_as_given(data)
        self.alarm = alarm_numbers(data)
        self.puts = PutQueue()
        self.on_change: Callable[[], None] | None = None
        """Called before the subscribers are told: the record fields follow."""
        self._look_at_record()
        self._value: object = None
        self._stamp: Stamp | None = None
        self._noted_stamp = self.store["timestamp"]
        self._graphic: dict[str, object] | None = None
        self._bytes = 0
        data.publish = self.publish  # type: ignore[attr-defined]

    @staticmethod
    def of(data: Data) -> "ServedPv":
        """The ServedPv of `data`, made at the first call."""
        served_pv = getattr(data, SERVED_PV_ATTRIBUTE, None)
        if served_pv is None:
            served_pv = ServedPv(data)
            setattr(data, SERVED_PV_ATTRIBUTE, served_pv)
        return served_pv

    @property
    def live(self) -> bool:
        """Whether a get runs user code; a getter may be set at any time."""
        return self.foreign or has_getter(self.data)

    def __deepcopy__(self, memo: object) -> "ServedPv":
        """caproto deep-copies ChannelData for its `sync` filter: not its clients."""
        return self

    async def publish(self, flags: int) -> None:
        """caproto's hook: something of this PV has changed."""
        if serves_caproto(self.data):
            await caproto_publish(self.data, flags)
        flags = int(flags) or VALUE_LOG
        if flags & protocol.DBE_ALARM and self.store["timestamp"] is self._noted_stamp:
            # caproto marks an alarm change as one of the value; EPICS base does not.
            flags &= ~VALUE_LOG
        self.notify(flags)

    def notify(self, flags: int) -> None:
        """Tell the subscribers whose mask asks for it, of an alarm change as well."""
        self._start_anew()
        self._noted_stamp = self._stamp
        alarm = alarm_numbers(self.data)
        if alarm != self.alarm:
            self.alarm = alarm
            flags |= protocol.DBE_ALARM
        if self.on_change is not None:
            self.on_change()
        for sub in self.subs:
            if sub.mask & flags:
                sub.changed(flags)

    def _start_anew(self) -> None:
        """Drop all payloads, and note what the next ones will be made of."""
        if self.cache:
            self.cache.clear()
            self._bytes = 0
        self.version += 1
        store = self.store
        self._value, self._stamp = store["value"], store["timestamp"]

    def is_as_noted(self) -> bool:
        """Whether value and time stamp are those that payloads were last made of."""
        store = self.store
        return self._value is store["value"] and self._stamp is store["timestamp"]

    def wire(self, key: Key) -> Payload:
        """The payload that `key` asks for. Raises ValueError if there is none."""
        if not self.is_as_noted():
            self._start_anew()
        if key[0] >= protocol.GR:
            self._check_graphic()
        payload = self.cache.get(key)
        if payload is None:
            payload = None
            if key[3] is None and key[1] < 2:
                payload = payloads.scalar(self.data, self.native, key[0])
            if payload is None:
                payload = payloads.encode(self.data, self.source(), key)
            self._bytes += payload.size
            if len(self.cache) >= CACHED_KEYS or self._bytes > CACHED_BYTES:
                # A client chooses the keys: it may not choose our memory.
                self.cache.clear()
                self._bytes = payload.size
            self.cache[key] = payload
        return payload

    def fresh(
        self, key: Key, data: Data | None = None, stamp: Stamp | None = None
    ) -> Payload:
        """A payload outside the cache: of a snapshot, or with another time stamp."""
        return payloads.encode(
            self.data if data is None else data, self.source(), key, stamp
        )

    def source(self) -> dbr_elements.Source:
        """How the value is to be read."""
        return dbr_elements.Source(
            self.native,
            self.data.string_encoding or "latin-1",
            enum_strings(self.data),
            int(self.store.get("precision", 0) or 0),
            bool(getattr(self.data, "is_long_string", False)),
        )

    def _check_graphic(self) -> None:
        """Forget payloads whose units, limits or states were changed silently."""
        now = {
            name: part
            for name, part in self.store.items()
            if name not in ("value", "timestamp")
        }
        if now != self._graphic:
            self._graphic = now
            self._start_anew()

    def post(
        self, value: object, timestamp_s: float | None, events: int = VALUE_LOG
    ) -> bool:
        """write(value, verify_value=False) without coroutines; False: not for me."""
        data, store = self.data, self.store
        if record_of(data) is not self._record:
            self._look_at_record()
        if not self._plain or needs_caproto(data):
            return False
        if self._rval is not None:
            value = self._post_state(value)
        elif not (self.as_given and type(value) in AS_GIVEN):
            value = data.preprocess_value(value)
        store["value"] = value
        store["timestamp"] = time_stamp(timestamp_s, time.time_ns())
        self.notify(events)
        return True

    def _look_at_record(self) -> None:
        """Learn what the record does when its value changes."""
        self._record = record_of(self.data)
        self._rval = raw_value_field(self.data)
        self._plain = writes_plainly(self.data) and follows_plainly(self.data)

    def _post_state(self, value: object) -> object:
        """An enum's value as text, its number into .RVAL."""
        value = self.data.preprocess_value(value)
        states = self.store["enum_strings"]
        rval = self._rval
        if rval is not None and value in states:
            served_rval = getattr(rval, SERVED_PV_ATTRIBUTE, None)
            number = states.index(value)
            if served_rval is None or not served_rval.post(number, None):
                raw(rval)["value"] = number
        return value
