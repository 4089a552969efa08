"""What sswd uses of a PV that caproto serves."""

from typing import Any, Protocol

from sswd.ioc.ca import Data


class Channel(Data, Protocol):
    """A channel of caproto: a pvproperty of a group, or one that `declare` made.

    caproto has no types, so this is where they begin. Everything on the loop.
    """

    pvname: str
    """The whole name, with prefixes."""
    alarm: Any
    """The ChannelAlarm; see pv_alarm.py."""

    @property
    def value(self) -> Any: ...
