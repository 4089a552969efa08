"""Record fields (.RTYP .DESC .EGU .HOPR ...) that are made when a client asks for one.

caproto makes ~75 channels of fields for each PV at once: 4 ms and 140 KB a PV, for
fields that hardly anybody reads, and they answer otherwise than EPICS base. Here each
field is made at the first `get_field()`, and follows its PV from then on.

Threading model: the loop's own.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
from caproto import (
    AccessRights,
    CaprotoValueError,
    ChannelAlarm,
    ChannelByte,
    ChannelData,
    ChannelDouble,
    ChannelEnum,
    ChannelFloat,
    ChannelInteger,
    ChannelShort,
    ChannelString,
    Forbidden,
)

from sswd.ioc import ca
from sswd.ioc.ca.caproto_private.data import Store, raw
from sswd.ioc.ca.codec.dbr_elements import cut_text
from sswd.ioc.pvs import record_types, record_values
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.record_types import FieldSpec
from sswd.ioc.pvs.record_values import EGU_BYTES, ENCODING, Value
from sswd.ioc.pvs.record_writes import Write, writer_of
from sswd.ioc.pvs.value_rules import ValueRules

_CHANNELS: dict[str, type[ChannelData]] = {
    "string": ChannelString,
    "link": ChannelString,
    "char": ChannelByte,
    "short": ChannelShort,
    "float": ChannelFloat,
    "long": ChannelInteger,
    "double": ChannelDouble,
    "count": ChannelDouble,
}
# Fields that are shown with the units and the display range of their PV.
_LIKE_VALUE = frozenset(
    (
        *("HIHI", "HIGH", "LOW", "LOLO", "LALM", "ALST", "MLST", "SVAL", "OVAL"),
        *("PVAL", "IVOV", "HOPR", "LOPR", "DRVH", "DRVL"),
    )
)
_PLAIN_PRECISION = 6
"""Decimals of a double in a record without .PREC, as in EPICS base."""
_HELD_PRECISION = 2
"""Decimals of a bo's .HIGH, the time that it is held."""


class _Field:
    """What all fields share; mixed in before one of caproto's channels.

    A field has the alarm of its PV, and its time: EPICS base processes them together.
    """

    data_type: int
    _data: Store

    def __init__(
        self, pv: "OnDemandFields", write: Write | None, **settings: object
    ) -> None:
        self._pv = pv
        self._write = write
        super().__init__(**settings)

    @property
    def alarm(self) -> ChannelAlarm:
        """That of the PV."""
        return self._pv.alarm

    @alarm.setter
    def alarm(self, alarm: object) -> None:
        """caproto's constructor sets one; a field needs none of its own."""

    _alarm = alarm

    def check_access(self, _host: str | None, _user: str | None) -> AccessRights:
        """Only the few fields that do something can be written."""
        if self._write is None:
            return AccessRights.READ
        return AccessRights.READ | AccessRights.WRITE

    async def auth_write(
        self, host: str, user: str, data: object, *_others: object, **_more: object
    ) -> None:
        """A client's put: `data` is in the field's own type already."""
        write = self._write
        if write is None or AccessRights.WRITE not in self.check_access(host, user):
            raise Forbidden("this record field cannot be written")
        value = np.asarray(data).reshape(-1)[0]
        if isinstance(value, bytes):  # a menu's choice; numbers are numbers by now
            choices = self._data.get("enum_strings", ())
            choice = value.decode("latin-1")
            if choice not in choices:
                raise CaprotoValueError(f"{choice!r} is none of {', '.join(choices)}")
            value = choices.index(choice)
        await write(value)


def new_field(
    pv: "OnDemandFields",
    name: str,
    spec: FieldSpec,
    write: Write | None,
    metadata: Mapping[str, object] | None = None,
) -> Channel:
    """A new field with the value that an unused one has. `write` performs a put; None:
    it cannot be written. `metadata` has caproto's names."""
    channel = ChannelEnum if spec.menu else _CHANNELS[spec.kind]
    kind = type(f"{channel.__name__}Field", (_Field, channel), {})
    settings: dict[str, object] = {
        "value": 0,
        "max_length": 1,
        "reported_record_type": pv.record_type,
    }
    if spec.menu:
        settings |= {"value": spec.menu[0], "enum_strings": spec.menu[:16]}
    elif channel is ChannelString:
        settings |= {"value": "", "string_encoding": ENCODING}
        settings["long_string_max_length"] = spec.size
    elif spec.kind == "double":
        settings["precision"] = _decimals(pv, name)
    settings |= metadata or {}
    return cast("Channel", kind(pv=pv, write=write, **settings))


def _metadata_of(pv: "OnDemandFields", name: str, spec: FieldSpec) -> Store:
    is_like_value = name in _LIKE_VALUE and spec.kind in ("double", "long")
    return _metadata(pv) if is_like_value else {}


def _metadata(pv: "OnDemandFields") -> Store:
    """Units and display range of the PV."""
    return {
        "units": pv.store.get("units", ""),
        "upper_disp_limit": pv.store.get("upper_disp_limit", 0),
        "lower_disp_limit": pv.store.get("lower_disp_limit", 0),
    }


def _decimals(pv: "OnDemandFields", name: str) -> int:
    """How many decimals a double field has as text."""
    if name == "HIGH" and pv.record_type == "bo":
        return _HELD_PRECISION
    if pv.has_precision:
        return int(pv.store.get("precision") or 0)
    return _PLAIN_PRECISION


def _cut(units: str) -> str:
    """Units as .EGU has them."""
    return cut_text(units.encode(ENCODING), EGU_BYTES).decode(ENCODING)


class OnDemandFields:
    """Mixed in before one of caproto's Pvproperty classes; loop thread only.

    `record` is the record type, `egu` what .EGU says if that is not `units`.

    Fields are read-only, apart from .PROC and .RVAL of a writable PV, the dead bands
    and, where the configuration says so, the alarm limits: what a client would write
    into the others would change nothing here.
    """

    pvname: str
    data_type: int
    max_length: int
    alarm: ChannelAlarm
    element = ""
    """The type of the configuration; declared PVs have it."""
    writable_limits = False
    """Whether clients may write the alarm limits."""
    _data: Store

    def __init__(
        self, *, record: str | None = None, egu: str = "", **keywords: object
    ) -> None:
        self._fields: dict[str, Channel] = {}
        self._rules: ValueRules | None = None
        units = egu or keywords.get("units", "")
        if isinstance(units, bytes):
            units = units.decode(ENCODING)
        self.egu = _cut(str(units))
        super().__init__(record=None, **keywords)  # type: ignore[call-arg]
        self.record_type = record
        self.reported_record_type = record or "caproto"

    @property
    def store(self) -> Store:
        """Value and metadata, as caproto holds them."""
        return self._data

    @property
    def rules(self) -> ValueRules | None:
        """What follows from a new value; None where nobody has said."""
        return self._rules

    @rules.setter
    def rules(self, rules: ValueRules) -> None:
        self._rules = rules

    @property
    def has_precision(self) -> bool:
        """Whether doubles of the record have the decimals of .PREC."""
        return "PREC" in record_types.fields_of(self.record_type or "")

    @property
    def description(self) -> str:
        """What .DESC says; caproto keeps it as the doc of the channel."""
        return vars(self).get("__doc__") or ""

    @property
    def field_inst(self) -> None:
        """caproto's group of fields: there is none."""
        return

    @field_inst.setter
    def field_inst(self, value: None) -> None:
        """caproto's constructor sets None."""

    @property
    def fields(self) -> dict[str, Channel]:
        """The fields that exist so far, by name; see get_field()."""
        return dict(self._fields)

    @fields.setter
    def fields(self, value: dict[str, Channel]) -> None:
        """caproto's constructor sets it empty; there is nothing to keep."""

    def get_field(self, field: str) -> object:
        """The PV itself for "" and VAL, else its field; KeyError if it has no such."""
        if not field or field == "VAL":
            return self
        if self.record_type is None:
            raise KeyError(field)
        if field not in self._fields:
            spec = record_types.fields_of(self.record_type)[field]
            metadata = _metadata_of(self, field, spec)
            channel = cast("Channel", self)
            write = writer_of(channel, field)
            made = new_field(self, field, spec, write, metadata)
            store = raw(made)
            store["value"] = self._value_of(field, spec)
            store["timestamp"] = self._data["timestamp"]
            if not self._fields:
                ca.on_change(channel, self.refresh_fields)
            self._fields[field] = made
        return self._fields[field]

    def properties_changed(self, units: str) -> None:
        """Units, limits or states are others: have the fields that exist follow."""
        self.egu = _cut(units)
        specs = record_types.fields_of(self.record_type or "")
        for name, channel in self._fields.items():
            if name in _LIKE_VALUE and specs[name].kind in ("double", "long"):
                raw(channel).update(_metadata(self))
        self.refresh_fields()

    def refresh_fields(self) -> None:
        """Have all fields that exist show what is true now, with the PV's time."""
        stamp = self._data["timestamp"]
        specs = record_types.fields_of(self.record_type or "")
        for name, channel in self._fields.items():
            ca.show(channel, self._value_of(name, specs[name]), stamp)

    def _value_of(self, name: str, spec: FieldSpec) -> Value:
        """What the field shows, as caproto keeps it: a menu's choice as text."""
        shows = record_values.VALUES.get(name)
        if name == "FTVL" and spec.menu:
            shows = record_values.element_type
        if name == "HIGH" and self.record_type == "bo":
            shows = None  # the time that a bo is held
        value = spec.initial if shows is None else shows(self)
        if spec.menu:
            return spec.menu[int(value)]
        if isinstance(value, float) and spec.kind == "long":
            return int(value)
        return value

    def graphic_alarm_limits(self) -> dict[str, float | None]:
        """The alarm limits of GR and CTRL types; None for each that cannot alarm.

        Empty for what is no number with rules.
        """
        limits = record_values.limits_of(self)
        if limits is None:
            return {}
        return {
            "upper_alarm_limit": limits.hihi if limits.hihi_severity else None,
            "upper_warning_limit": limits.high if limits.high_severity else None,
            "lower_warning_limit": limits.low if limits.low_severity else None,
            "lower_alarm_limit": limits.lolo if limits.lolo_severity else None,
        }
