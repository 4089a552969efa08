"""What each field of a record shows, from the PV and its rules.

A field that is not here shows what an unused one shows in EPICS base: see
record_types.py.
"""

import math
from collections.abc import Callable, Sized
from typing import Literal, Protocol

from caproto import ChannelAlarm, ChannelType

from sswd.alarm import Status
from sswd.ioc.ca.caproto_private.data import Store
from sswd.ioc.pvs.alarm_limits import AlarmLimits
from sswd.ioc.pvs.record_types import STATES
from sswd.ioc.pvs.value_rules import NumberRules, OnChange, StateRules, ValueRules
from sswd.sizes import DESC_CHARACTERS

EGU_BYTES = 15
ENCODING = "utf-8"
# Indices of menuFtype: what a waveform calls its elements.
_ELEMENTS = {
    ChannelType.STRING: 0,
    ChannelType.CHAR: 2,
    ChannelType.INT: 3,
    ChannelType.LONG: 5,
    ChannelType.FLOAT: 9,
    ChannelType.DOUBLE: 10,
    ChannelType.ENUM: 11,
}
_NAMED_ELEMENTS = {"int8": 1, "uint16": 4, "int64": 7}
"""Those that caproto keeps in another type, by the type of the configuration."""
_EVERY_POST = -1.0
_LARGEST_SIZV = 32767
_INT32 = (-(2**31), 2**31 - 1)


class RecordPv(Protocol):
    """What the fields tell of: one PV. Everything on the loop."""

    pvname: str
    data_type: int
    max_length: int
    alarm: ChannelAlarm
    egu: str
    record_type: str | None
    element: str
    """The type of the configuration; empty for what is not declared."""

    @property
    def store(self) -> Store: ...
    @property
    def rules(self) -> ValueRules | None: ...
    @property
    def description(self) -> str: ...


Value = int | float | str
NumberKey = Literal[
    "precision",
    "upper_disp_limit",
    "lower_disp_limit",
    "upper_ctrl_limit",
    "lower_ctrl_limit",
]


def limits_of(pv: RecordPv) -> AlarmLimits | None:
    """The alarm limits of a number, None of anything else."""
    return pv.rules.limits if isinstance(pv.rules, NumberRules) else None


def _of_limits(name: str) -> Callable[[RecordPv], Value]:
    def value(pv: RecordPv) -> Value:
        return getattr(limits_of(pv), name, 0)

    return value


def _of_dead_band(name: str) -> Callable[[RecordPv], Value]:
    def value(pv: RecordPv) -> Value:
        if isinstance(pv.rules, NumberRules):
            return getattr(pv.rules.dead_band, name)  # type: ignore[no-any-return]
        return 0 if pv.rules is None else _EVERY_POST

    return value


def _of_store(key: NumberKey) -> Callable[[RecordPv], Value]:
    return lambda pv: pv.store.get(key) or 0


def _of_alarm(name: str) -> Callable[[RecordPv], Value]:
    return lambda pv: int(getattr(pv.alarm, name))


def _state(index: int) -> Callable[[RecordPv], Value]:
    def text(pv: RecordPv) -> Value:
        states = pv.store.get("enum_strings", ())
        return states[index] if index < len(states) else ""

    return text


def _state_number(index: int) -> Callable[[RecordPv], Value]:
    """What .RVAL is in this state; 0 for a state that there is not."""
    return lambda pv: index if index < len(pv.store.get("enum_strings", ())) else 0


def _state_severity(index: int) -> Callable[[RecordPv], Value]:
    def severity(pv: RecordPv) -> Value:
        if not isinstance(pv.rules, StateRules):
            return 0
        severities = pv.rules.states.severities
        return int(severities[index]) if index < len(severities) else 0

    return severity


def _present(pv: RecordPv) -> Value:
    """The value itself: an enum's as its number, an array's not at all."""
    value = pv.store["value"]
    if pv.data_type == ChannelType.ENUM:
        states = pv.store.get("enum_strings", ())
        return states.index(value) if value in states else 0
    return value if isinstance(value, int | float | str) else 0


def _last_monitored(pv: RecordPv) -> Value:
    if isinstance(pv.rules, NumberRules):
        return pv.rules.dead_band.last_monitored
    return _present(pv)


def _last_archived(pv: RecordPv) -> Value:
    if isinstance(pv.rules, NumberRules):
        return pv.rules.dead_band.last_archived
    return _present(pv)


def _last_alarmed(pv: RecordPv) -> Value:
    limits = limits_of(pv)
    if limits is not None and limits.is_set:
        return limits.last_alarmed
    return _present(pv)


def _raw(pv: RecordPv) -> Value:
    """Of an ao its value as a long, of an enum its number; an ai has none."""
    value = _present(pv)
    if pv.record_type == "ai" or isinstance(value, str):
        return 0
    if math.isnan(value):
        return 0
    low, high = _INT32
    return math.floor(min(max(value, low), high) + 0.5)


def _count(pv: RecordPv) -> Value:
    """Elements of an array; bytes of a long string with its NUL."""
    value = pv.store["value"]
    if isinstance(value, str):
        return len(value.encode(ENCODING, "replace")) + 1
    return len(value) if isinstance(value, Sized) else 1


def _posts_always(pv: RecordPv) -> bool:
    """Whether a post of an equal value is an event."""
    if isinstance(pv.rules, OnChange):
        return pv.rules.always
    return pv.rules is not None


def _when_posted(pv: RecordPv) -> Value:
    # The two menus have the same choices in opposite order.
    return int(_posts_always(pv) != (pv.record_type == "waveform"))


VALUES: dict[str, Callable[[RecordPv], Value]] = {
    "NAME": lambda pv: pv.pvname,
    "RTYP": lambda pv: pv.record_type or "",
    "DESC": lambda pv: " ".join(pv.description.split())[:DESC_CHARACTERS],
    "EGU": lambda pv: pv.egu,
    "PREC": _of_store("precision"),
    "HOPR": _of_store("upper_disp_limit"),
    "LOPR": _of_store("lower_disp_limit"),
    "DRVH": _of_store("upper_ctrl_limit"),
    "DRVL": _of_store("lower_ctrl_limit"),
    "UDF": lambda pv: int(pv.alarm.status == Status.UDF),
    "STAT": _of_alarm("status"),
    "SEVR": _of_alarm("severity"),
    "ACKS": _of_alarm("severity_to_acknowledge"),
    "ACKT": lambda pv: int(bool(pv.alarm.must_acknowledge_transient)),
    "AMSG": lambda pv: str(pv.alarm.alarm_string),
    "HIHI": _of_limits("hihi"),
    "HIGH": _of_limits("high"),
    "LOW": _of_limits("low"),
    "LOLO": _of_limits("lolo"),
    "HHSV": _of_limits("hihi_severity"),
    "HSV": _of_limits("high_severity"),
    "LSV": _of_limits("low_severity"),
    "LLSV": _of_limits("lolo_severity"),
    "HYST": _of_limits("hysteresis"),
    "LALM": _last_alarmed,
    "MDEL": _of_dead_band("mdel"),
    "ADEL": _of_dead_band("adel"),
    "MLST": _last_monitored,
    "ALST": _last_archived,
    "OVAL": _present,
    "PVAL": _present,
    "RVAL": _raw,
    "ORAW": _raw,
    "ZNAM": _state(0),
    "ONAM": _state(1),
    "ZSV": _state_severity(0),
    "OSV": _state_severity(1),
    "SDEF": lambda pv: int(bool(pv.store.get("enum_strings"))),
    "NELM": lambda pv: pv.max_length,
    "NORD": _count,
    "LEN": _count,
    "OLEN": _count,
    "SIZV": lambda pv: min(pv.max_length, _LARGEST_SIZV),
    "MPST": _when_posted,
    "APST": _when_posted,
}
for _index, _name in enumerate(STATES):
    VALUES[f"{_name}ST"] = _state(_index)
    VALUES[f"{_name}SV"] = _state_severity(_index)
    VALUES[f"{_name}VL"] = _state_number(_index)


def element_type(pv: RecordPv) -> Value:
    """.FTVL of a waveform (an mbbi has another field of this name)."""
    named = _NAMED_ELEMENTS.get(pv.element)
    return _ELEMENTS[ChannelType(pv.data_type)] if named is None else named
