"""What a client's put to a record field does: few can be written.

.PROC puts the value again, .RVAL puts an enum's number, .MDEL and .ADEL change the dead
bands, and .HIHI and its like the alarm limits where the configuration allows it. What
they change is forgotten when the IOC starts again.
"""

import math
from collections.abc import Awaitable, Callable

from caproto import AccessRights, CaprotoValueError, ChannelType

from sswd.ioc import ca
from sswd.ioc.pvs.alarm_limits import AlarmLimits
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.value_rules import NumberRules

Write = Callable[[float], Awaitable[None]]

_DEAD_BANDS = {"MDEL": "mdel", "ADEL": "adel"}
_LIMITS = {
    "HIHI": "hihi",
    "HIGH": "high",
    "LOW": "low",
    "LOLO": "lolo",
    "HHSV": "hihi_severity",
    "HSV": "high_severity",
    "LSV": "low_severity",
    "LLSV": "lolo_severity",
    "HYST": "hysteresis",
}


def writer_of(pv: Channel, name: str) -> Write | None:
    """What a put to this field of `pv` does; None: it cannot be written."""
    if isinstance(pv.rules, NumberRules):
        if name in _DEAD_BANDS:
            return _changing(pv, pv.rules.dead_band, _DEAD_BANDS[name])
        if name in _LIMITS and pv.writable_limits:
            return _changing(pv, pv.rules.limits, _LIMITS[name])
    if not pv.check_access("", "") & AccessRights.WRITE:
        return None
    if name == "PROC":
        return _again(pv)
    if name == "RVAL" and pv.data_type == ChannelType.ENUM:
        return _by_number(pv)
    return None


def _again(pv: Channel) -> Write:
    async def put(_value: object) -> None:
        await pv.write(pv.value)

    return put


def _by_number(pv: Channel) -> Write:
    async def put(value: float) -> None:
        number = int(value)
        if not 0 <= number < len(pv.enum_strings):
            raise CaprotoValueError(f"there is no state {number}")
        await pv.write(number)

    return put


def _changing(pv: Channel, rules: object, attribute: str) -> Write:
    async def put(value: float) -> None:
        number = float(value)
        if math.isnan(number):
            raise CaprotoValueError("NaN is no limit")
        if attribute == "hysteresis" and number < 0:
            raise CaprotoValueError("a hysteresis is not negative")
        if attribute.endswith("_severity"):
            setattr(rules, attribute, int(number))
        else:
            setattr(rules, attribute, number)
        if isinstance(rules, AlarmLimits):
            rules.have_changed()
        # Clients show the limits of GR and CTRL types.
        ca.properties_changed(pv)

    return put
