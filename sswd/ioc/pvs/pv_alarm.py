"""The alarm of a PV that sswd owns: only sswd says its status and severity."""

from caproto import ChannelAlarm
from caproto.server import PVGroup

from sswd.alarm import NO_ALARM, Alarm
from sswd.ioc import ca
from sswd.ioc.pvs.channel import Channel


class PvAlarm(ChannelAlarm):  # type: ignore[misc]
    """Keeps what sswd said, whatever caproto would say.

    caproto sets WRITE/MAJOR by itself when a putter fails; that must not replace the
    graver INVALID/COMM of a worker that died during the put, nor tell clients a second
    time what the command's end has told them already.
    """

    async def write(
        self,
        *,
        status: int | None = None,
        severity: int | None = None,
        **others: object,
    ) -> None:
        """caproto's write of everything but status and severity."""
        if others or (status, severity) == (None, None):
            await super().write(**others)


def own_alarm(data: Channel) -> None:
    """Give `data` an alarm of its own that only sswd changes, by `show_alarm`."""
    old = data.alarm
    data.alarm = PvAlarm(status=old.status, severity=old.severity)


def own_alarms(*groups: PVGroup) -> None:
    """The same for all PVs of our groups: with caproto's one alarm for a group, a put
    that one of them refuses is an alarm of all."""
    for group in groups:
        for data in group.pvdb.values():
            own_alarm(data)


def show_alarm(data: Channel, alarm: Alarm = NO_ALARM) -> None:
    """Give `data` this alarm, without a new value; loop thread only."""
    ca.set_alarm(data, alarm)
