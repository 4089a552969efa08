"""Publish a value or an alarm from the system: no putter runs, so nothing echoes."""

from sswd.ioc.ca.caproto_private.data import (
    SERVED_PV_ATTRIBUTE,
    Data,
    alarm_of,
    alarm_peers,
    enum_strings,
    raw,
    serves_caproto,
    store_alarm,
)
from sswd.ioc.ca.caproto_private.records import alarm_fields
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.evloop.eager import run_through
from sswd.ioc.ca.pv.served_pv import ServedPv


def post(data: Data, value: object, timestamp_s: float | None = None) -> None:
    """Make `value` the value of `data` and send it to its subscribers.

    `value` must fit already (dtype, length, enum index or text): the putter does not
    run and limits do not apply; record fields that follow the value do. `timestamp_s`
    is UNIX time, None means now. Loop thread only, under our Context or caproto's.

    An array is kept as it is, not copied: hand it over read-only. It is held until the
    PV has another value and every client's send queue has let go of it.

    Raises caproto's CaprotoValueError for a value that is too long.
    """
    value = _state_of(data, value)
    served_pv: ServedPv | None = getattr(data, SERVED_PV_ATTRIBUTE, None)
    if served_pv is not None and served_pv.post(value, timestamp_s):
        return
    if timestamp_s is None:
        run_through(data.write(value, verify_value=False))
    else:
        run_through(data.write(value, verify_value=False, timestamp=timestamp_s))


def post_if_changed(data: Data, value: object) -> None:
    """Post a scalar `value` unless `data` has it already; clients hear of changes only.

    An enum takes an index or a string, as with `post`.
    """
    value = _state_of(data, value)
    if raw(data)["value"] != value:
        post(data, value)


def set_alarm(data: Data, status: int, severity: int) -> None:
    """Give `data` this alarm (EPICS AlarmStatus, AlarmSeverity) and tell subscribers.

    PVs that share the alarm are told as well. An alarm that it has already is not sent
    again. Loop thread only, under our Context or caproto's.
    """
    alarm = alarm_of(data)
    if (alarm.status, alarm.severity) == (status, severity):
        return
    store_alarm(data, status, severity)
    for peer in alarm_peers(data):
        fields = alarm_fields(peer)
        if fields is None:
            # As EPICS base: an alarm is an alarm event, not one of the value.
            run_through(peer.publish(protocol.DBE_ALARM))
            continue
        for field, number in fields:
            _follow(field, number)


def _state_of(data: Data, value: object) -> object:
    """The state of an enum whose index was given; any other value as it is."""
    if type(value) is not int or data.data_type != protocol.ENUM:
        return value
    states = enum_strings(data)
    return states[value] if 0 <= value < len(states) else value


def _follow(field: Data, number: int) -> None:
    """Set .SEVR and the like; nearly always nobody listens to them."""
    state = _state_of(field, number)
    if raw(field)["value"] == state:
        return
    if getattr(field, SERVED_PV_ATTRIBUTE, None) is None and not serves_caproto(field):
        raw(field)["value"] = state
    else:
        post(field, state)
