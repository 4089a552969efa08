"""Posts from the worker -> PVs: looked up, validated, published; refusals in words.

Threading model: the loop's own.
"""

import contextlib
import logging
import re
from collections.abc import Callable, Iterable

from sswd.errors import PostRefused
from sswd.ioc import ca
from sswd.ioc.pvs.alarm_priority import AlarmTable, Condition
from sswd.ioc.pvs.channel import Channel, Values
from sswd.ioc.pvs.coerce import Coerce, coercer
from sswd.ioc.pvs.pv_alarm import own_alarm
from sswd.ratelimit import OncePerKey
from sswd.sizes import COUNTER_MODULUS

log = logging.getLogger("sswd.ioc")

FED_FROM_THE_START = ("ACK", "message", "values")
MAX_PVS_LOGGED = 1000
"""PVs whose refused posts are logged in a run; a system may make up names."""
MAX_REASONS = 5
"""Different reasons for refusing posts to one PV that are logged in a run."""
_NUMBERS = re.compile(r"[\d.]+")


class Target:
    """One PV that the worker may post."""

    __slots__ = ("coerce", "data", "is_writable")

    def __init__(
        self, data: Channel, *, is_writable: bool, finite: bool = False
    ) -> None:
        self.data = data
        self.is_writable = is_writable
        self.coerce: Coerce = coercer(data, finite=finite)


class Publisher:
    """The PVs of one system that the worker feeds, and their alarms."""

    def __init__(self, name: str, refused: Channel) -> None:
        """`refused` is the PV that counts refused posts."""
        self._name = name
        self._refused_pv = refused
        self._targets: dict[str, Target] = {}
        self._alarm_pvs: dict[str, Channel] = {}
        self._fed: set[str] = set()
        self._alarms = AlarmTable()
        self._reasons_logged: dict[str, OncePerKey] = {}
        self._gone: set[str] = set()
        self.refused = 0
        """Posts that were refused since the IOC started."""

    def add(self, pv: str, target: Target, *, is_fed: bool) -> None:
        """Let the worker post `pv`. `is_fed`: in COMM alarm before the first run."""
        self._targets[pv] = target
        self.own_alarm(pv, target.data)
        if is_fed:
            self._fed.add(pv)

    def own_alarm(self, pv: str, data: Channel) -> None:
        """Show alarms of `pv` on `data`; the worker need not be able to post it."""
        own_alarm(data)
        self._alarm_pvs[pv] = data

    def knows(self, pv: str) -> bool:
        """Whether the worker may post this name."""
        return pv in self._targets

    def values_of(self, pvs: Iterable[str]) -> Values:
        """The values that these PVs have now; names that are none are left out."""
        return {pv: self._targets[pv].data.value for pv in pvs if pv in self._targets}

    def read_back(self, pv: str, value: object) -> None:
        """Make an accepted put the value of its PV, without its putter.

        A command whose value does not fit the PV of its name leaves that as it is: a
        putter of one's own may forward what it likes.
        """
        data, target = self._alarm_pvs.get(pv), self._targets.get(pv)
        if data is not None:
            with contextlib.suppress(PostRefused):
                ca.post(data, value if target is None else target.coerce(value))

    def publish(self, pv: str, value: object, stamp_s: float | None) -> object:
        """Publish one posted value; returns it as published, None when refused."""
        target = self._targets.get(pv)
        if target is None:
            self._refuse(pv, "the IOC has no such PV to post", "is it declared?")
            return None
        try:
            fitting = target.coerce(value)
        except PostRefused as ex:
            self._refuse(pv, str(ex), "the PV keeps its value")
            return None
        if pv in self._gone and not target.is_writable:
            self._gone.discard(pv)
            self.clear(pv, Condition.GONE)
        self._fed.add(pv)
        ca.post(target.data, fitting, stamp_s)
        return fitting

    def show_refused(self) -> None:
        """Publish the count. Once for each message: a flood of refusals costs little,
        and the count is right before the command's put completes."""
        ca.post_if_changed(self._refused_pv, self.refused)

    # -- alarms

    def raise_(self, pv: str, condition: Condition) -> None:
        """Give a PV an alarm, if it is one of ours."""
        self._set_alarm(pv, self._alarms.raise_(pv, condition))

    def clear(self, pv: str, condition: Condition) -> None:
        """Take an alarm away."""
        self._set_alarm(pv, self._alarms.clear(pv, condition))

    def worker_gone(self) -> None:
        """Every worker-fed PV is INVALID/COMM from now on; a stall is over."""
        self._gone = set(self._fed)
        self._each(self._fed, self.raise_, Condition.GONE)
        self.stall(False)  # afterwards, lest a PV looks good in between

    def worker_ready(self) -> None:
        """Writable PVs are good again; the others with their first post."""
        self._reasons_logged.clear()
        writable = {pv for pv in self._gone if self._targets[pv].is_writable}
        self._gone -= writable
        self._each(writable, self.clear, Condition.GONE)

    def stall(self, is_stalled: bool) -> None:
        """Raise or clear TIMEOUT on every worker-fed PV."""
        change = self.raise_ if is_stalled else self.clear
        self._each(self._fed, change, Condition.STALLED)

    def _each(
        self,
        pvs: Iterable[str],
        change: Callable[[str, Condition], None],
        condition: Condition,
    ) -> None:
        for pv in sorted(pvs):
            change(pv, condition)

    def _set_alarm(self, pv: str, alarm: tuple[int, int] | None) -> None:
        data = self._alarm_pvs.get(pv)
        if alarm is not None and data is not None:
            data.alarm.wanted = alarm
            ca.set_alarm(data, *alarm)

    def _refuse(self, pv: str, reason: str, then: str) -> None:
        self.refused = (self.refused + 1) % COUNTER_MODULUS
        logged = self._reasons_logged.get(pv)
        if logged is None:
            if len(self._reasons_logged) >= MAX_PVS_LOGGED:
                return
            logged = self._reasons_logged[pv] = OncePerKey(MAX_REASONS)
        if logged.is_new(_NUMBERS.sub("#", reason)):
            log.warning(
                "post to %s of system '%s' refused: %s; %s (logged once a run)",
                pv,
                self._name,
                reason,
                then,
            )
