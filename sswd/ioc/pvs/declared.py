"""Declared PVs: the configuration's PvConfig -> record-typed channels of caproto.

`declare()` makes them, at the start and when a worker's class declares more;
`check_put()` judges what a client wrote. Limits are in the metadata, but caproto does
not enforce them here: it would refuse a put before the command ledger could tell why.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import numpy as np
from caproto import ChannelAlarm, SkipWrite
from caproto.server.server import PVSpec

from sswd.config.keys import PvConfig
from sswd.config.keys.pv import ACTION_STRINGS, INTEGERS, NUMBERS
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.coerce import coercer
from sswd.ioc.pvs.kinds import KINDS
from sswd.ioc.pvs.longstring import cut_text
from sswd.ioc.pvs.pv_rules import rules_from
from sswd.ioc.pvs.record_values import ENCODING
from sswd.sizes import DESC_CHARACTERS

Forward = Callable[[str, object], Awaitable[object]]
Put = Callable[[Channel, object], Awaitable[None]]

PRECISION = 3
"""Decimals of a float that says nothing; EPICS's own 0 would show 0.5 as 0 or 1."""
UNITS_BYTES = 7  # MAX_UNITS_SIZE less the NUL; EPICS base cuts there as well
# caproto logs a warning where length times backlog could be more updates than this.
_BACKLOG_ELEMENTS = 10_000_000


def declare(
    pvs: Mapping[str, PvConfig], *, prefix: str, forward: Forward
) -> dict[str, Channel]:
    """The channels of `pvs` by name without prefix; `.pvname` is the whole name.

    A put on a writable one awaits `forward(name, value)` with the value as the system
    gets it (see `as_sent`), on the loop thread. It returns when the command has ended,
    or raises, and publishes the accepted value itself: the channel is not written
    again afterwards. Puts on one PV may overlap; `forward` queues them.
    """
    return {name: _channel(name, pv, prefix, forward) for name, pv in pvs.items()}


def _channel(name: str, pv: PvConfig, prefix: str, forward: Forward) -> Channel:
    kind = KINDS[pv.type]
    record = kind.out_record if pv.takes_puts else kind.in_record
    channel_class = kind.writable if pv.takes_puts else kind.read_only
    channel: Channel = channel_class(
        pvname=prefix + name,
        group=None,
        pvspec=PVSpec(attr=name, name=name, put=_putter(name, pv, forward)),
        record="waveform" if pv.is_array else record,
        egu=pv.units,
        alarm=ChannelAlarm(),
        max_length=pv.capacity,
        max_subscription_backlog=max(2, min(1000, _BACKLOG_ELEMENTS // pv.capacity)),
        value=_initial(pv),
        **metadata_of(pv),
    )
    # caproto takes .DESC from here.
    channel.__doc__ = " ".join(pv.description.split())[:DESC_CHARACTERS]
    channel.element = pv.type
    channel.integer_range = INTEGERS.get(pv.type)
    channel.puts_overlap = pv.takes_puts
    channel.rules = rules_from(pv, channel)
    channel.writable_limits = pv.writable_limits
    return channel


def _putter(name: str, pv: PvConfig, forward: Forward) -> Put | None:
    if not pv.takes_puts:
        return None

    async def put(channel: Channel, value: object) -> None:
        value = same_bits(pv, value)
        await forward(name, as_sent(pv, coercer(channel)(value)))
        raise SkipWrite

    async def act(_channel: Channel, value: object) -> None:
        if is_act(value):
            await forward(name, True)
        raise SkipWrite

    return act if pv.type == "action" else put


def is_act(value: object) -> bool:
    """Whether a put to a momentary PV means it: anything but 0 and its string."""
    return value not in (0, "0", ACTION_STRINGS[0])


def same_bits(pv: PvConfig, value: object) -> object:
    """What a client put into a short or char, as the number that its bits are here."""
    if pv.type not in ("uint16", "int8", "uint8"):
        return value
    dtype = np.dtype(KINDS[pv.type].dtype)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bytes):
        value = np.frombuffer(value, np.uint8)
    return np.asarray(value).astype(np.int64).astype(dtype)


def as_sent(pv: PvConfig, value: Any) -> object:
    """A channel's value as the system gets it.

    float, int and str as such, the string of an enum, True or False of a bool, bytes,
    a list of str, and 1-D arrays of the PV's own dtype.
    """
    if pv.type == "int64":
        return value.astype(np.int64) if pv.is_array else int(value)
    if pv.type == "bool":
        return value == pv.states[1]
    if pv.type == "bytes":
        return value if isinstance(value, bytes) else value.tobytes()
    return value


def check_put(pv: PvConfig, value: object) -> str | None:
    """Why a client may not put `value` (as `as_sent` gives it), None if it may.

    Limits bind every element of an array; NaN is never within them.
    """
    if pv.type not in NUMBERS:
        return None
    array = np.asarray(value)
    if pv.finite and not np.isfinite(array).all():
        return "not finite"
    if pv.limits is not None:
        low, high = pv.limits
        outside = array[~((array >= low) & (array <= high))]
        if outside.size:
            return f"{outside.flat[0]:g} is outside the limits {low:g} to {high:g}"
    return None


def _initial(pv: PvConfig) -> object:
    value: Any = pv.value
    if pv.type == "bytes":
        return bytes(value or () if pv.capacity > 1 else value or (0,))
    if pv.states:
        if isinstance(value, str):
            return value
        return pv.states[int(value or 0)]
    if pv.type in ("str", "text"):
        return _initial_text(pv)
    number = np.dtype(KINDS[pv.type].dtype)
    if pv.capacity > 1:
        return np.array(value or (), number)
    return number.type(_single(value, 0)).item()


def _initial_text(pv: PvConfig) -> object:
    if pv.is_array and pv.capacity > 1:
        return list(pv.value) if isinstance(pv.value, tuple) else []
    return _single(pv.value, "")


def _single(value: Any, otherwise: object) -> Any:
    """The scalar of a PV whose value may stand in a list of one."""
    if isinstance(value, tuple):
        value = value[0] if value else None
    return otherwise if value is None else value


def metadata_of(pv: PvConfig) -> dict[str, object]:
    """Units, limits, precision and states by caproto's names of them."""
    units = cut_text(pv.units.encode(), UNITS_BYTES)
    match pv.type:
        case "bytes":
            # Bytes have no encoding, so their units are given encoded.
            return {"strip_null_terminator": False, "units": units}
        case "str" | "text":
            return {"string_encoding": ENCODING}
        case "bool" | "enum" | "action":
            return {"string_encoding": ENCODING, "enum_strings": pv.states}
        case "int8" | "uint8":
            # With an encoding, a char would be one of a text.
            return {"string_encoding": None, "units": units, **_limits(pv)}
        case "float" | "float32":
            precision = PRECISION if pv.precision is None else pv.precision
            return {"precision": precision, **_numeric(pv, units)}
        case "int" | "int16" | "uint16" | "int64":
            return _numeric(pv, units)


def _numeric(pv: PvConfig, units: bytes) -> dict[str, object]:
    return {"string_encoding": ENCODING, "units": units.decode(), **_limits(pv)}


def _limits(pv: PvConfig) -> dict[str, float]:
    if pv.limits is None:
        return {}
    low, high = pv.limits
    if pv.type in INTEGERS:
        least, most = INTEGERS[pv.type]
        if pv.type == "uint16":
            most = INTEGERS["int16"][1]  # what the metadata of a short can say
        low = math.ceil(max(low, least))
        high = math.floor(min(high, most))
    return {
        "lower_ctrl_limit": low,
        "upper_ctrl_limit": high,
        "lower_disp_limit": low,
        "upper_disp_limit": high,
    }
