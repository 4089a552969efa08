"""One PV that the worker may post: its rules, the alarms it has, the age of its value.

Threading model: the loop's own.
"""

from collections.abc import Callable

from sswd.alarm import NO_ALARM, Alarm
from sswd.ioc import ca
from sswd.ioc.pvs.alarm_priority import Source, shown_of
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.coerce import coercer
from sswd.ioc.pvs.pv_rules import rules_for
from sswd.ioc.pvs.value_rules import ValueRules


class ShownPv:
    """One PV with several sources of alarms, of which one shows."""

    __slots__ = ("data", "has_news", "held", "is_fault")

    def __init__(self, data: Channel) -> None:
        self.data = data
        self.held: dict[Source, Alarm] = {}
        """What every source says now; those that say nothing are not here."""
        self.is_fault = True
        """Whether the last command that failed leaves something to mend; a put that was
        refused or aborted does not."""
        self.has_news = False
        """Whether `held` has changed since an alarm was published."""

    @property
    def shown(self) -> Alarm:
        """The alarm that shows."""
        return shown_of(self.held)

    def show(self, stamp_s: float | None = None) -> None:
        """Publish the alarm that shows, if it is not published yet."""
        self.has_news = False
        ca.set_alarm(self.data, self.shown, stamp_s)

    def news(self) -> Alarm | None:
        """The alarm to be published with a value; None: it is published already."""
        if not self.has_news:
            return None
        self.has_news = False
        return self.shown

    def change(
        self, source: Source, alarm: Alarm, stamp_s: float | None = None
    ) -> None:
        """Have `source` say this, and publish the alarm that shows if it changes.

        `stamp_s` is the time of the change (UNIX); None: now.
        """
        self.note(source, alarm)
        if self.has_news:
            self.show(stamp_s)

    def note(self, source: Source, alarm: Alarm) -> None:
        """The same, but publish nothing: a value is about to be published."""
        if alarm == self.held.get(source, NO_ALARM):
            return
        self.has_news = True
        if alarm.severity:
            self.held[source] = alarm
        else:
            self.held.pop(source, None)


class FedPv(ShownPv):
    """One PV that the worker may post."""

    __slots__ = ("coerce", "is_writable", "posted_s", "rules", "shape", "stale_s")

    def __init__(
        self,
        data: Channel,
        *,
        is_writable: bool,
        finite: bool = False,
        rules: ValueRules | None = None,
        stale_s: float = 0.0,
    ) -> None:
        super().__init__(data)
        self.is_writable = is_writable
        self.coerce: Callable[[object], object] = coercer(data, finite=finite)
        self.rules = rules or rules_for(data)
        self.stale_s = stale_s
        """The value is stale when it is older than so many s; 0: never."""
        self.posted_s = 0.0
        """When the value came (monotonic), where `stale_s` is set."""
        self.shape: tuple[int, int] | None = None
        """Height and width of the image that it holds; None: it is no image."""

    def publish(
        self, value: object, stamp_s: float | None, driver: Alarm | None = None
    ) -> None:
        """Make `value`, coerced already, the PV's value, in one event with its alarm.

        `driver` is what the driver says of it; None: nothing.
        """
        events, by_value = self.rules.judge(value)
        if by_value is not NO_ALARM or driver is not None or self.held:
            self.note(Source.LIMITS, by_value)
            self.note(Source.DRIVER, driver or NO_ALARM)
        alarm = self.news() if self.has_news else None
        ca.post(self.data, value, stamp_s, events=events, alarm=alarm)
