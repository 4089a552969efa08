"""The rules of a PV's values, from its configuration or from what it is.

Unless the configuration says otherwise, a scalar makes an event when it changes, and
arrays and long strings with every post.
"""

from caproto import ChannelType

from sswd.alarm import Severity
from sswd.config.keys import PvConfig
from sswd.config.keys.pv import NUMBERS
from sswd.ioc.pvs.alarm_limits import AlarmLimits, AlarmStates
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.dead_band import DeadBand
from sswd.ioc.pvs.value_rules import (
    NumberRules,
    OnChange,
    StateRules,
    ValueRules,
)

_NUMBERS = frozenset(
    {ChannelType.DOUBLE, ChannelType.FLOAT, ChannelType.LONG, ChannelType.INT}
)
_OUTER, _INNER = "MAJOR", "MINOR"


def rules_from(pv: PvConfig, data: Channel) -> ValueRules:
    """The rules that the configuration gives `data`, with its present value."""
    if pv.is_array or (pv.always and pv.type in ("str", "text", "bytes")):
        return ValueRules()
    if pv.states:
        rules = StateRules(data.value, pv.states, state_alarms(pv))
        rules.always = bool(pv.always)
        return rules
    if pv.type in NUMBERS:
        every = -1.0 if pv.always else 0.0
        mdel, adel = (every if d is None else d for d in (pv.mdel, pv.adel))
        return NumberRules(DeadBand(mdel, adel, data.value), alarm_limits(pv))
    if pv.type == "str" or (pv.type == "text" and pv.always is False):
        return OnChange(data.value)
    return ValueRules()


def state_alarms(pv: PvConfig) -> AlarmStates:
    """The severities of an enum's or bool's states."""
    severities = (pv.state_severity.get(state, "NO_ALARM") for state in pv.states)
    return AlarmStates([Severity[name] for name in severities])


def alarm_limits(pv: PvConfig) -> AlarmLimits:
    """The alarm limits of a number; those that are not given have NO_ALARM."""

    def severity(limit: float | None, given: str | None, otherwise: str) -> Severity:
        if limit is None:
            return Severity.NO_ALARM
        return Severity[given or otherwise]

    return AlarmLimits(
        hihi=pv.hihi or 0.0,
        high=pv.high or 0.0,
        low=pv.low or 0.0,
        lolo=pv.lolo or 0.0,
        hihi_severity=severity(pv.hihi, pv.hhsv, _OUTER),
        high_severity=severity(pv.high, pv.hsv, _INNER),
        low_severity=severity(pv.low, pv.lsv, _INNER),
        lolo_severity=severity(pv.lolo, pv.llsv, _OUTER),
        hysteresis=pv.hysteresis,
    )


def rules_for(data: Channel) -> ValueRules:
    """The rules of a PV that no configuration describes: the template's, a group's."""
    if data.max_length != 1:
        return ValueRules()
    if data.data_type in _NUMBERS:
        return NumberRules(DeadBand(0.0, 0.0, data.value), AlarmLimits())
    if data.data_type in (ChannelType.ENUM, ChannelType.STRING):
        return OnChange(data.value)
    return ValueRules()
