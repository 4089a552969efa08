# ruff: noqa: SLF001 - one of the two places that may
"""What knows caproto's private names in its records: the fields behind a PV.

Like `data`, read in caproto 1.3.0 and watched by tests/unit/ca/caproto_private.
"""

from typing import cast

from caproto.server.records.records import (
    BiFields,
    BoFields,
    MbbiFields,
    MbboFields,
    RecordFieldGroup,
)

from sswd.ioc.ca.caproto_private.data import Data

_RVAL_HOOKS = tuple(
    kind.value_write_hook for kind in (BiFields, BoFields, MbbiFields, MbboFields)
)


def record_of(data: Data) -> object:
    """The group of its record fields, None without; it may be made at any time."""
    return getattr(data, "field_inst", None)


def record_field(data: Data, field: str) -> Data | None:
    """The field of a record, made if need be; None when it has no such field."""
    if not field or field == "VAL":
        return data
    try:
        return cast("Data", data.get_field(field))  # type: ignore[attr-defined]
    except (AttributeError, KeyError):
        return None


def field(data: Data, name: str) -> Data | None:
    """The record field `name`, or None when the PV has no such field."""
    fields = getattr(data, "fields", None) or {}
    return cast("Data | None", fields.get(name))


def fields_of(data: Data) -> dict[str, Data]:
    """The fields that exist now, by name."""
    return dict(getattr(data, "fields", None) or {})


def raw_value_field(data: Data) -> Data | None:
    """The .RVAL that follows an enum's value, if its record has one."""
    group = getattr(data, "field_inst", None)
    hook = getattr(group, "value_write_hook", None)
    if group is None or hook is None or hook.__func__ not in _RVAL_HOOKS:
        return None
    return cast("Data", group.raw_value)


def follows_plainly(data: Data) -> bool:
    """Whether the record does nothing when its value changes, but keep .RVAL."""
    hook = getattr(record_of(data), "value_write_hook", None)
    return (
        hook is None
        or hook.__func__ is RecordFieldGroup.value_write_hook
        or hook.__func__ in _RVAL_HOOKS
    )


def alarm_fields(peer: object) -> list[tuple[Data, int | str]] | None:
    """The fields of a record that follow an alarm and what they show; None: no record.

    RecordFieldGroup.publish does the same through putters, in half a millisecond.
    """
    if not isinstance(peer, RecordFieldGroup) or (
        type(peer).publish is not RecordFieldGroup.publish
    ):
        return None
    alarm = peer._alarm
    fields: list[tuple[Data, int | str]] = [
        (peer.alarm_acknowledge_transient, int(alarm.must_acknowledge_transient)),
        (peer.alarm_acknowledge_severity, int(alarm.severity_to_acknowledge)),
        (peer.alarm_status, int(alarm.status)),
        (peer.current_alarm_severity, int(alarm.severity)),
    ]
    words = peer.pvdb.get("AMSG")
    if words is not None:
        fields.append((words, alarm.alarm_string))
    return fields
