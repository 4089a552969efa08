"""The posts of a motor: whole reports, which the record takes.

Threading model: the loop's own.
"""

from collections.abc import Callable
from typing import Any

from sswd.alarm import Alarm
from sswd.errors import PostRefused
from sswd.ioc.motor.channel import MotorChannel
from sswd.ioc.pvs.alarm_priority import Source
from sswd.ioc.pvs.fed_pv import FedPv
from sswd.ioc.pvs.value_rules import ValueRules
from sswd.pipe.motor import MotorReport, decode_report


class MotorFed(FedPv):
    """What the publisher knows of a motor."""

    __slots__ = ("_channel", "_on_lost", "_on_report")

    def __init__(
        self,
        channel: MotorChannel,
        on_report: Callable[[MotorReport, float | None], None],
        on_lost: Callable[[], None],
    ) -> None:
        """`on_report` takes a report and its time, and shows what follows from it."""
        super().__init__(channel, is_writable=False, rules=ValueRules())
        self.coerce = _report_of
        self._channel = channel
        self._on_report = on_report
        self._on_lost = on_lost

    def show(self, stamp_s: float | None = None) -> None:
        """The fields have the alarm, too."""
        super().show(stamp_s)
        self._channel.show(stamp_s=stamp_s)

    def note(self, source: Source, alarm: Alarm) -> None:
        """As the base's. A worker that is gone can say nothing of the motion."""
        super().note(source, alarm)
        if source is Source.WORKER_GONE and alarm.severity:
            self._on_lost()

    def publish(
        self, value: Any, stamp_s: float | None, driver: Alarm | None = None
    ) -> None:
        """Take a report; its alarm is told with what has changed."""
        self.note(Source.DRIVER, driver or Alarm())
        if self.has_news:
            self.show()
        self._on_report(value, stamp_s)


def _report_of(value: object) -> MotorReport:
    if not isinstance(value, str):
        raise PostRefused("the PV is a motor, which only its own driver posts")
    try:
        return decode_report(value)
    except ValueError as ex:
        raise PostRefused(str(ex)) from None
