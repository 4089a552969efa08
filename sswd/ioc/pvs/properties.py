"""Limits, units and states of declared PVs that follow the instrument.

`changed_config` decides, `show_properties` performs. Loop thread.
"""

from msgspec.structs import replace

from sswd.config import pv_rules
from sswd.config.keys import PvConfig
from sswd.config.keys.pv import NUMBERS
from sswd.ioc import ca
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.declared import metadata_of
from sswd.ioc.pvs.pv_rules import state_alarms
from sswd.ioc.pvs.value_rules import StateRules
from sswd.pipe.protocol import Properties


class Refused(Exception):
    """Why a PV cannot have these properties."""


def changed_config(pv: PvConfig | None, wanted: Properties) -> PvConfig:
    """The PV's keys with what is wanted. Raises Refused in words."""
    if pv is None:
        raise Refused("no such PV is declared")
    if wanted.limits is not None:
        _is_for(pv, "limits", NUMBERS)
        pv = replace(pv, limits=wanted.limits)
    if wanted.units is not None:
        _is_for(pv, "units", NUMBERS)
        pv = replace(pv, units=wanted.units)
    if wanted.strings is not None:
        _is_for(pv, "strings", ("enum",))
        strings = tuple(wanted.strings)
        kept = {s: v for s, v in pv.state_severity.items() if s in strings}
        pv = replace(pv, strings=strings, state_severity=kept)
    # The initial value of old need not be within the limits of now.
    for key, words in pv_rules.pv(replace(pv, value=None)):
        raise Refused(f"{key}: {words}")
    return pv


def _is_for(pv: PvConfig, what: str, types: tuple[str, ...]) -> None:
    if pv.type not in types:
        raise Refused(f"a PV of type {pv.type} has no {what} that can be set")


def show_properties(pv: PvConfig, data: Channel) -> None:
    """Have clients see the keys of `pv`: metadata, record fields, DBE_PROPERTY."""
    if pv.states and data.value in (states := list(data.enum_strings)):
        index = states.index(data.value)
        state = pv.states[index] if index < len(pv.states) else pv.states[0]
        if isinstance(data.rules, StateRules):
            data.rules.follow(state, pv.states, state_alarms(pv))
        ca.set_properties(data, {"enum_strings": pv.states, "value": state})
    else:
        shown = metadata_of(pv)
        shown.pop("string_encoding", None)
        ca.set_properties(data, shown)
    data.properties_changed(pv.units)
