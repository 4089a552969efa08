"""Publish a value or an alarm from the system: no putter runs, so nothing echoes."""

import time
from collections.abc import Callable, Mapping
from typing import cast

from sswd.alarm import Alarm
from sswd.ioc.ca.caproto_private.data import (
    SERVED_PV_ATTRIBUTE,
    AlarmPeer,
    Data,
    Stamp,
    alarm_numbers,
    alarm_peers,
    alarm_words,
    enum_strings,
    raw,
    serves_caproto,
    store_alarm,
    time_stamp,
)
from sswd.ioc.ca.caproto_private.records import alarm_fields
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.evloop.eager import run_through
from sswd.ioc.ca.pv.served_pv import VALUE_LOG, ServedPv


def post(
    data: Data,
    value: object,
    timestamp_s: float | None = None,
    *,
    events: int = VALUE_LOG,
    alarm: Alarm | None = None,
) -> None:
    """Make `value` the value of `data` and send it to its subscribers.

    `events` are those that the value makes: DBE_VALUE and DBE_LOG, or 0 where it stays
    within its dead bands; gets see it all the same. `alarm` is the PV's alarm from now
    on; a change of it is in the same event as the value.

    `value` must fit already (dtype, length, enum index or text): the putter does not
    run and limits do not apply; record fields that follow the value do. `timestamp_s`
    is UNIX time, None means now. Loop thread only, under our Context or caproto's.

    An array is kept as it is, not copied: hand it over read-only. It is held until the
    PV has another value and every client's send queue has let go of it.

    Raises caproto's CaprotoValueError for a value that is too long.
    """
    if alarm is not None and not shows(data, alarm):
        _store(data, alarm)
        events |= protocol.DBE_ALARM
    if type(value) is int and data.data_type == protocol.ENUM:
        value = _state_of(data, value)
    served_pv: ServedPv | None = getattr(data, SERVED_PV_ATTRIBUTE, None)
    if served_pv is not None and served_pv.post(value, timestamp_s, events):
        return
    if timestamp_s is None:
        run_through(data.write(value, verify_value=False))
    else:
        run_through(data.write(value, verify_value=False, timestamp=timestamp_s))


def post_if_changed(data: Data, value: object) -> None:
    """Post a scalar `value` unless `data` has it already; clients hear of changes only.

    An enum takes an index or a string, as with `post`.
    """
    if type(value) is int and data.data_type == protocol.ENUM:
        value = _state_of(data, value)
    if raw(data)["value"] != value:
        post(data, value)


def shows(data: Data, alarm: Alarm) -> bool:
    """Whether this is the alarm that `data` has already, words included."""
    status, severity = alarm_numbers(data)
    return (severity, status, alarm_words(data)) == (
        alarm.severity,
        alarm.status,
        alarm.message,
    )


def set_alarm(data: Data, alarm: Alarm, timestamp_s: float | None = None) -> None:
    """Give `data` this alarm and tell subscribers, with the time of the change: now,
    or when whoever says so knew of it.

    An alarm that it has already is not sent again; new words alone are an event, as in
    recGblResetAlarms() of EPICS base. PVs that share the alarm are told as well. Loop
    thread only, under our Context or caproto's.
    """
    if shows(data, alarm):
        return
    _store(data, alarm)
    stamp = time_stamp(timestamp_s, time.time_ns())
    for peer in alarm_peers(data):
        if alarm_fields(peer) is None:
            # As EPICS base: an alarm is an alarm event, not one of the value.
            _tell_alarm(peer, stamp)


def set_properties(data: Data, properties: Mapping[str, object]) -> None:
    """Change units, limits or states of `data`, by caproto's names of them, and send
    DBE_PROPERTY, unless it has them already. Loop thread only.
    """
    store = cast("dict[str, object]", raw(data))
    if all(store.get(name) == value for name, value in properties.items()):
        return
    store.update(properties)
    served_pv: ServedPv | None = getattr(data, SERVED_PV_ATTRIBUTE, None)
    if served_pv is not None and not serves_caproto(data):
        served_pv.notify(protocol.DBE_PROPERTY)
    else:
        run_through(cast("AlarmPeer", data).publish(protocol.DBE_PROPERTY))


def _tell_alarm(peer: AlarmPeer, stamp: Stamp) -> None:
    data = cast("Data", peer)  # all but groups of fields are PVs
    raw(data)["timestamp"] = stamp
    served_pv: ServedPv | None = getattr(data, SERVED_PV_ATTRIBUTE, None)
    if served_pv is not None and not serves_caproto(data):
        served_pv.notify(protocol.DBE_ALARM)
    else:
        run_through(peer.publish(protocol.DBE_ALARM))


def _store(data: Data, alarm: Alarm) -> None:
    """Change the alarm and the record fields that follow it; publish no value."""
    store_alarm(data, alarm.status, alarm.severity, alarm.message)
    for peer in alarm_peers(data):
        for field, shown in alarm_fields(peer) or ():
            _follow(field, shown)


def _state_of(data: Data, value: object) -> object:
    """The state of an enum whose index was given; any other value as it is."""
    if type(value) is not int or data.data_type != protocol.ENUM:
        return value
    states = enum_strings(data)
    return states[value] if 0 <= value < len(states) else value


def _follow(field: Data, shown: int | str) -> None:
    """Set .SEVR and the like; nearly always nobody listens to them."""
    state = _state_of(field, shown)
    if raw(field)["value"] == state:
        return
    if getattr(field, SERVED_PV_ATTRIBUTE, None) is None and not serves_caproto(field):
        raw(field)["value"] = state
    else:
        post(field, state)


def on_change(data: Data, follow: Callable[[], None]) -> None:
    """Have `follow()` called whenever value, alarm or metadata of `data` change.

    It is called on the loop, before the subscribers are told, and may only `show`.
    """
    ServedPv.of(data).on_change = follow


def stamp_of(timestamp_s: float | None) -> Stamp:
    """A UNIX time as PVs keep it; None: now."""
    return time_stamp(timestamp_s, time.time_ns())


def show(field: Data, value: object, stamp: Stamp) -> None:
    """Make `value` and `stamp` those of a record field; tell of a new value.

    `value` is as caproto keeps it. Nearly always nobody listens.
    """
    store = raw(field)
    is_new = store["value"] != value
    store["value"], store["timestamp"] = value, stamp
    served_pv: ServedPv | None = getattr(field, SERVED_PV_ATTRIBUTE, None)
    if is_new and served_pv is not None:
        served_pv.notify(VALUE_LOG)


def show_with_alarm(field: Data, value: object, stamp: Stamp) -> None:
    """The same for a field whose alarm clients look at: that of the record, with which
    it is told in one event."""
    store = raw(field)
    is_new = store["value"] != value
    store["value"], store["timestamp"] = value, stamp
    served_pv: ServedPv | None = getattr(field, SERVED_PV_ATTRIBUTE, None)
    if served_pv is None:
        return
    if is_new:
        served_pv.notify(VALUE_LOG)
    elif served_pv.alarm != alarm_numbers(field):
        served_pv.notify(protocol.DBE_ALARM)


def properties_changed(data: Data) -> None:
    """Tell subscribers that units, limits or states of `data` have changed."""
    ServedPv.of(data).notify(protocol.DBE_PROPERTY)
