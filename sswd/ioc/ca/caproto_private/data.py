# ruff: noqa: SLF001 - one of the two places that may
"""What touches caproto's private internals, typed for the rest.

Everything here was read in caproto 1.3.0; tests/unit/ca/caproto_private fails when a
new caproto moves it. `records` has the rest: no other module of sswd.ioc.ca names a
private attribute of caproto.
"""

import math
import struct
from collections.abc import Sequence
from typing import Protocol, SupportsBytes, TypeAlias, TypedDict, cast

import caproto
import numpy as np
from caproto import ChannelType
from caproto._commands import extract_data
from caproto._dbr import TimeStamp, _LongStringChannelType
from caproto.server import PVGroup
from caproto.server.server import PvpropertyData
from numpy.typing import NDArray

from sswd.sizes import STRING_BYTES

Stamp: TypeAlias = TimeStamp
"""When a value was true: secondsSinceEpoch since 1990, and nanoSeconds."""

Elements: TypeAlias = NDArray[np.integer | np.floating] | caproto.DbrStringArray
"""The elements of a put or a read, in caproto's own type of them."""

CaprotoValueError = caproto.CaprotoValueError

SERVED_PV_ATTRIBUTE = "sswd_served_pv"
"""Where a ServedPv hangs on its ChannelData."""

EPICS_EPOCH_S = 631152000


class Data(Protocol):
    """The part of caproto's ChannelData (and PvpropertyData) that this package uses."""

    data_type: int
    max_length: int
    string_encoding: str | None

    async def write(
        self, value: object, *, verify_value: bool = True, **metadata: object
    ) -> None: ...

    async def auth_write(  # noqa: PLR0913 - caproto's signature
        self,
        hostname: str | None,
        username: str | None,
        data: object,
        data_type: object,
        metadata: object,
        *,
        flags: int = 0,
        user_address: tuple[str, int] | None = None,
    ) -> object: ...

    async def auth_read(
        self,
        hostname: str | None,
        username: str | None,
        data_type: object,
        *,
        user_address: tuple[str, int] | None = None,
    ) -> tuple[SupportsBytes, Elements]: ...

    def check_access(self, hostname: str | None, username: str | None) -> int: ...

    def preprocess_value(self, value: object) -> object: ...


class Alarm(Protocol):
    """The part of caproto's ChannelAlarm that this package uses."""

    status: int
    severity: int

    async def write(
        self, *, status: int | None = None, severity: int | None = None
    ) -> None: ...


class AlarmPeer(Protocol):
    """What publishes when its alarm changes: a PV, or the fields of a record."""

    async def publish(self, flags: int) -> None: ...


class Store(TypedDict, total=False):
    """What caproto keeps of a PV. Not every kind of PV has every key."""

    value: object
    timestamp: Stamp
    units: str | bytes
    precision: int | None
    enum_strings: Sequence[str]
    upper_disp_limit: float
    lower_disp_limit: float
    upper_ctrl_limit: float
    lower_ctrl_limit: float


def raw(data: Data) -> Store:
    """caproto's own store of value, timestamp and metadata, to use in place."""
    store: Store = data._data  # type: ignore[attr-defined]
    return store


def alarm_of(data: Data) -> Alarm:
    """The alarm of a PV; several PVs of a group may share one."""
    return cast("Alarm", data.alarm)  # type: ignore[attr-defined]


def alarm_numbers(data: Data) -> tuple[int, int]:
    """(status, severity)."""
    store = data._alarm._data  # type: ignore[attr-defined]
    return store["status"], store["severity"]


def acknowledge_numbers(data: Data) -> tuple[int, int]:
    """(ackt, acks): must transient alarms be acknowledged; highest one that must."""
    store = data._alarm._data  # type: ignore[attr-defined]
    return (
        int(bool(store["must_acknowledge_transient"])),
        store["severity_to_acknowledge"],
    )


def alarm_peers(data: Data) -> list[AlarmPeer]:
    """What shares the alarm of `data`: PVs, itself among them, and their fields."""
    return list(data._alarm._channels)  # type: ignore[attr-defined]


def alarm_words(data: Data) -> str:
    """What .AMSG says."""
    return str(data._alarm._data["alarm_string"])  # type: ignore[attr-defined]


def store_alarm(data: Data, status: int, severity: int, words: str) -> None:
    """What ChannelAlarm.write does with status and severity, publishing nothing."""
    store = data._alarm._data  # type: ignore[attr-defined]
    store["alarm_string"] = words
    store["status"] = caproto.AlarmStatus(status)
    store["severity"] = caproto.AlarmSeverity(severity)
    due = store["severity_to_acknowledge"]
    if not store["must_acknowledge_transient"] or due < severity:
        store["severity_to_acknowledge"] = store["severity"]


def time_stamp(unix_s: float | None, now_ns: int) -> Stamp:
    """A caproto TimeStamp of a UNIX time in seconds, or of `now_ns`."""
    if unix_s is None:
        seconds, ns = divmod(now_ns, 1_000_000_000)
    else:
        # Not unix_s * 1e9: a float of that size counts in steps of 256 ns.
        seconds = int(unix_s)
        ns = int((unix_s - seconds) * 1e9)
    # A third faster than TimeStamp(seconds, ns), and each post needs one.
    return TimeStamp.from_buffer_copy(
        _STAMP.pack((seconds - EPICS_EPOCH_S) & 0xFFFFFFFF, ns)
    )


_STAMP = struct.Struct(">II")


def stamp_bytes(stamp: Stamp) -> bytes:
    """Eight bytes: seconds since 1990 and nanoseconds."""
    return bytes(stamp)


def graphic_bytes(data: Data, dtype: int) -> bytes:
    """The metadata of a GR or CTRL type (units, precision, limits, states), packed."""
    metadata = caproto.DBR_TYPES[ChannelType(dtype)]()
    data._read_metadata(metadata)  # type: ignore[attr-defined]
    metadata.status, metadata.severity = alarm_numbers(data)
    if dtype % 7 in _FLOATING:
        # caproto's limits are off when they are equal; EPICS base says NaN then.
        for lower, upper in _ALARM_LIMITS:
            if getattr(metadata, lower) == getattr(metadata, upper):
                setattr(metadata, lower, math.nan)
                setattr(metadata, upper, math.nan)
    _set_alarm_limits(metadata, dtype, data)
    return bytes(metadata)


def _set_alarm_limits(metadata: object, dtype: int, data: Data) -> None:
    """The alarm limits of a PV that knows its own: NaN or 0 for those that are off."""
    own: dict[str, float | None] = getattr(data, "graphic_alarm_limits", dict)()
    for name, limit in own.items():
        if dtype % 7 in _FLOATING:
            setattr(metadata, name, math.nan if limit is None else limit)
        elif dtype % 7 in _INTEGERS:
            low, high = _INTEGERS[dtype % 7]
            number = 0 if limit is None or not math.isfinite(limit) else int(limit)
            setattr(metadata, name, min(max(number, low), high))


_FLOATING = (2, 6)
_INTEGERS = {
    1: (-(1 << 15), (1 << 15) - 1),
    4: (0, (1 << 8) - 1),
    5: (-(1 << 31), (1 << 31) - 1),
}
_ALARM_LIMITS = (
    ("lower_alarm_limit", "upper_alarm_limit"),
    ("lower_warning_limit", "upper_warning_limit"),
)


def class_name_bytes(data: Data) -> bytes:
    """The record type's name."""
    name = str(data.reported_record_type)  # type: ignore[attr-defined]
    return name.encode("latin-1", "replace")[:STRING_BYTES]


def dbr_type(dtype: int, *, long_string: bool) -> ChannelType:
    """caproto's enum member of a DBR type."""
    if long_string and dtype % 7 == 4:
        return _LongStringChannelType(dtype)
    return ChannelType(dtype)


def values_from_wire(native: int, count: int, body: bytes) -> Elements:
    """The elements of a put as caproto's conversions take them."""
    return cast("Elements", extract_data(body, ChannelType(native), count))


async def write_acknowledge(data: Data, dtype: int, number: int) -> None:
    """PUT_ACKT or PUT_ACKS: what an alarm handler writes."""
    alarm = data.alarm  # type: ignore[attr-defined]
    if dtype == ChannelType.PUT_ACKT:
        await alarm.write(must_acknowledge_transient=bool(number))
        return
    store = alarm._data
    if number >= store["severity_to_acknowledge"]:
        # caproto compares with the present severity; EPICS base with what is due.
        store["severity_to_acknowledge"] = 0
        await alarm.publish(caproto.SubscriptionType.DBE_ALARM)


def serves_caproto(data: Data) -> bool:
    """Whether a caproto context of its own has subscribers on this PV."""
    return bool(data._queues)  # type: ignore[attr-defined]


async def caproto_publish(data: Data, flags: int) -> None:
    """caproto's own publish, which a ServedPv hides."""
    await type(data).publish(data, flags)  # type: ignore[attr-defined]


def has_getter(data: Data) -> bool:
    """Whether a get runs user code (PVGroup.group_read is the getter that does not)."""
    getter = getattr(data, "getter", None)
    return getter is not None and (
        getattr(getter, "__func__", None) is not PVGroup.group_read
    )


def reads_itself(data: Data) -> bool:
    """Whether its class replaces caproto's way of reading, so that we may not."""
    kind = type(data)
    return (
        kind.read not in (caproto.ChannelData.read, PvpropertyData.read)  # type: ignore[attr-defined]
        or kind.auth_read is not caproto.ChannelData.auth_read
        or (
            kind._read is not caproto.ChannelData._read  # type: ignore[attr-defined]
            and not getattr(kind, "is_long_string", False)
        )
    )


_PLAIN_WRITES = (
    caproto.ChannelData.write,
    caproto.ChannelEnum.write,
    caproto.ChannelChar.write,
    caproto.ChannelString.write,
)
_PLAIN_UPDATES = (caproto.ChannelData.update_fields, PvpropertyData.update_fields)
_PLAIN_METADATA = (
    caproto.ChannelData.write_metadata,
    caproto.ChannelEnum.write_metadata,
)


def writes_plainly(data: Data) -> bool:
    """Whether its class's write(verify_value=False) only stores, stamps, publishes.

    What its record does then is another matter: records.follows_plainly.
    """
    kind: type[caproto.ChannelData] = type(data)
    return (
        kind.write in _PLAIN_WRITES
        and kind.update_fields in _PLAIN_UPDATES
        and kind.write_metadata in _PLAIN_METADATA
    )


def keeps_value_as_given(data: Data) -> bool:
    """Whether preprocess_value leaves a scalar number or text as it is."""
    kind: type[caproto.ChannelData] = type(data)
    return (
        kind.preprocess_value is caproto.ChannelData.preprocess_value
        and data._max_length == 1  # type: ignore[attr-defined]
    )


def needs_caproto(data: Data) -> bool:
    """Whether caproto's write has more to do: a set status, sync snapshots, or
    subscribers of its own."""
    return bool(
        data._status is not None  # type: ignore[attr-defined]
        or data._severity is not None  # type: ignore[attr-defined]
        or data._fill_at_next_write  # type: ignore[attr-defined]
        or data._queues  # type: ignore[attr-defined]
    )


def snapshot(data: Data, mode: str, state: str) -> Data | None:
    """The value that a `sync` filter lets through now, or None."""
    # Not [state]: that would remember each name that a client makes up.
    kept = data._snapshots.get(state, {})  # type: ignore[attr-defined]
    return cast("Data | None", kept.get(mode))


def has_state(data: Data, state: str) -> bool:
    """Whether the group of this PV has a state of this name, for `sync` filters."""
    group = getattr(data, "group", None)
    return state in getattr(group, "states", {})


def long_string_length(data: Data) -> int:
    """How many chars a STRING PV offers as a long string."""
    return int(getattr(data, "long_string_max_length", 40))


def enum_strings(data: Data) -> Sequence[str]:
    """The states of an enum PV, () for others."""
    return tuple(raw(data).get("enum_strings", ()))
