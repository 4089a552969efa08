"""The alarm of a PV when only sswd may change it."""

from caproto import ChannelAlarm

from sswd.ioc.pvs.channel import Channel


class PvAlarm(ChannelAlarm):  # type: ignore[misc]
    """Only sswd says its status and severity.

    caproto sets WRITE/MAJOR by itself when a putter fails; that must not replace the
    graver INVALID/COMM of a worker that died during the put.
    """

    wanted: tuple[int, int] | None = None

    async def write(
        self,
        *,
        status: int | None = None,
        severity: int | None = None,
        **others: object,
    ) -> None:
        """caproto's write with `wanted` in place of what others think."""
        if self.wanted is not None and (status, severity) != (None, None):
            status, severity = self.wanted
        await super().write(status=status, severity=severity, **others)


def own_alarm(data: Channel) -> None:
    """Give `data` an alarm of its own that only sswd changes."""
    old = data.alarm
    alarm = PvAlarm(status=old.status, severity=old.severity)
    alarm.wanted = (int(old.status), int(old.severity))
    data.alarm = alarm
