"""The channel of a motor record, and its fields as clients see them.

The fields are made when a client asks for one, and follow what `show` is told.

Threading model: the loop's own.
"""

import functools
from collections.abc import Awaitable, Callable

from caproto import ChannelAlarm, SkipWrite
from caproto.server.server import PVSpec

from sswd.config.keys.motor import MotorConfig
from sswd.ioc import ca
from sswd.ioc.ca.caproto_private.data import Stamp, raw
from sswd.ioc.motor.fields import SPECS, WRITABLE, MotorFields
from sswd.ioc.pvs.declared import UNITS_BYTES
from sswd.ioc.pvs.kinds import Double
from sswd.ioc.pvs.longstring import cut_text
from sswd.ioc.pvs.record_fields import new_field
from sswd.ioc.pvs.record_types import FieldSpec
from sswd.ioc.pvs.record_values import ENCODING, VALUES, Value
from sswd.ioc.pvs.value_rules import ValueRules
from sswd.sizes import DESC_CHARACTERS

RECORD = "motor"
Put = Callable[[str, float], Awaitable[None]]
"""Performs a put of a number to the field of this name; raises what the client gets."""
Refuse = Callable[[str, str], BaseException]
"""Makes a REJECTED command of a put to this field, for the reason in words; returns
what is to be raised."""

_USER_LIMITS = frozenset(("VAL", "RBV"))
_DIAL_LIMITS = frozenset(("DVAL", "DRBV"))
_RAW_LIMITS = frozenset(("RVAL", "RRBV"))
_RATES = frozenset(("VELO", "VBAS", "VMAX", "BVEL", "JVEL", "HVEL"))
_OF_RECORD = frozenset(
    (
        *("NAME", "RTYP", "DESC", "EGU", "PREC", "UDF", "STAT", "SEVR", "ACKS", "ACKT"),
        *("AMSG", "HOPR", "LOPR"),
    )
)
_UNITLESS = frozenset(("ACCL", "BACC", "DLY", "FRAC", "VERS"))


class MotorChannel(Double):
    """VAL of the record, with `fields` behind it."""

    motor = MotorFields()
    has_precision = True
    puts_overlap = True

    def bind(self, fields: MotorFields, put: Put, refuse: Refuse) -> None:
        """Show these fields, and have puts performed."""
        self.motor = fields
        self.put = put
        self._refuse = refuse
        self.refuse_put = functools.partial(refuse, "VAL")

    def get_field(self, field: str) -> object:
        """As the base's, with the fields of a motor."""
        if not field or field == "VAL":
            return self
        if field not in self._fields:
            spec = SPECS[field]
            write = None
            if field in WRITABLE:
                write = functools.partial(self.put, field)
            metadata = {} if spec.menu else self._metadata(field, spec)
            made = new_field(self, field, spec, write, metadata)
            made.puts_overlap = True
            made.refuse_put = functools.partial(self._refuse, field)
            store = raw(made)
            store["value"] = self._value_of(field, spec)
            store["timestamp"] = self._data["timestamp"]
            self._fields[field] = made
        return self._fields[field]

    def show(self, *, done: bool | None = None, stamp_s: float | None = None) -> None:
        """Tell clients what has changed, fields and alarm. .DMOV is told first when it
        becomes 0 and last when it becomes 1: who sees 1 has seen everything before.

        `done` is shown as .DMOV for this once. `stamp_s` is the record's time from now
        on, in s since 1970; None: now.
        """
        stamp = ca.stamp_of(stamp_s)
        is_done = bool(self.motor.DMOV) if done is None else done
        if not is_done:
            self._show_field("DMOV", 0, stamp)
        self._data["timestamp"] = stamp
        if self._data["value"] != self.motor.VAL:
            ca.post(self, self.motor.VAL, stamp_s)
        for name in self._fields:
            if name != "DMOV":
                self._show_field(name, self._value_of(name, SPECS[name]), stamp)
        self._show_limits()
        if is_done:
            self._show_field("DMOV", 1, stamp)

    def _show_field(self, name: str, value: Value, stamp: Stamp) -> None:
        field = self._fields.get(name)
        if field is not None:
            ca.show_with_alarm(field, value, stamp)

    def _show_limits(self) -> None:
        """Clients see the soft limits as the limits of what they bind."""
        for name in ("VAL", *_USER_LIMITS, *_DIAL_LIMITS, *_RAW_LIMITS, "VELO"):
            channel: ca.Data | None
            channel = self if name == "VAL" else self._fields.get(name)
            if channel is not None:
                ca.set_properties(channel, self._limits(name))

    def _limits(self, name: str) -> dict[str, float]:
        motor = self.motor
        low, high = 0.0, 0.0
        if name in _USER_LIMITS:
            low, high = motor.LLM, motor.HLM
        elif name in _DIAL_LIMITS:
            low, high = motor.DLLM, motor.DHLM
        elif name in _RAW_LIMITS:
            low, high = motor.to_raw(motor.DLLM), motor.to_raw(motor.DHLM)
        elif name == "VELO":
            low, high = motor.VBAS, motor.VMAX
        return {
            "lower_ctrl_limit": low,
            "upper_ctrl_limit": high,
            "lower_disp_limit": low,
            "upper_disp_limit": high,
        }

    def _metadata(self, name: str, spec: FieldSpec) -> dict[str, object]:
        if spec.kind not in ("double", "float", "long"):
            return {}
        units = self.egu
        if name in _RATES:
            units += "/s"
        elif name in _UNITLESS or spec.kind == "long":
            units = ""
        shown = cut_text(units.encode(ENCODING), UNITS_BYTES).decode(ENCODING)
        return {"units": shown, **self._limits(name)}

    def _value_of(self, name: str, spec: FieldSpec) -> Value:
        value: Value | None = getattr(self.motor, name, None)
        if value is None:
            return _of_record(self, name, spec)
        return spec.menu[int(value)] if spec.menu else value


def _of_record(channel: MotorChannel, name: str, spec: FieldSpec) -> Value:
    """A field that every record has, or that means nothing here."""
    shows = VALUES.get(name) if name in _OF_RECORD else None
    value = spec.initial if shows is None else shows(channel)
    return spec.menu[int(value)] if spec.menu else value


def make_channel(name: str, prefix: str, config: MotorConfig) -> MotorChannel:
    """The channel of a motor that is to be bound."""
    units = cut_text(config.units.encode(), UNITS_BYTES).decode()
    channel = MotorChannel(
        pvname=prefix + name,
        group=None,
        pvspec=PVSpec(attr=name, name=name, put=_put),
        record=RECORD,
        egu=config.units,
        units=units,
        precision=config.precision,
        alarm=ChannelAlarm(),
        string_encoding=ENCODING,
        value=0.0,
    )
    channel.__doc__ = " ".join(config.description.split())[:DESC_CHARACTERS]
    channel.element = RECORD
    channel.rules = ValueRules()
    return channel


async def _put(channel: MotorChannel, value: float) -> None:
    """A put to the record itself is one to VAL."""
    await channel.put("VAL", value)
    raise SkipWrite  # the record shows what it has made of it
