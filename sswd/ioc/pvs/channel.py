"""What sswd uses of a PV that caproto serves."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from caproto import ChannelAlarm

from sswd.ioc.ca import Data
from sswd.ioc.pvs.value_rules import ValueRules

Values = dict[str, Any]
"""Values of PVs by name, as caproto holds them."""


class Channel(Data, Protocol):
    """A channel of caproto: a pvproperty of a group, or one that `declare` made.

    caproto has no types, so this is where they begin. Everything on the loop.
    """

    pvname: str
    """The whole name, with prefixes."""
    puts_overlap: bool
    """Whether puts need not wait for each other: they queue in the ledger."""
    element: str
    """The type of the configuration; only declared PVs have it."""
    integer_range: tuple[int, int] | None
    """The least and greatest number of an integer; only declared PVs have it."""
    rules: ValueRules
    """What follows from a new value; only declared PVs have it."""
    writable_limits: bool
    """Whether clients may write the alarm limits; only declared PVs have it."""
    refuse_put: Callable[[str], BaseException]
    """Makes a REJECTED command of a put that its value keeps from the putter; returns
    what is to be raised. Only writable declared PVs have it."""
    alarm: ChannelAlarm
    """See pv_alarm.py."""

    enum_strings: Sequence[str]
    """The states; only enums have it."""

    def properties_changed(self, units: str) -> None:
        """Record fields follow units, limits and states; only declared PVs have it."""

    @property
    def value(self) -> Any: ...
