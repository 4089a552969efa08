"""Posts from the worker -> PVs: looked up, validated, published; refusals in words.

Threading model: the loop's own.
"""

import logging
import re
from collections.abc import Iterable

from sswd.alarm import NO_ALARM, Alarm
from sswd.config.companions import DTYPE, HEIGHT, WIDTH, image_shape
from sswd.errors import PostRefused
from sswd.ioc import ca
from sswd.ioc.pvs.age import Ages
from sswd.ioc.pvs.alarm_priority import Source, alarm_from
from sswd.ioc.pvs.channel import Channel, Values
from sswd.ioc.pvs.fed_pv import FedPv, ShownPv
from sswd.ioc.pvs.pv_alarm import own_alarm
from sswd.ioc.pvs.value_rules import ValueRules
from sswd.ratelimit import OncePerKey
from sswd.sizes import COUNTER_MODULUS, NAME_CHARACTERS

log = logging.getLogger("sswd.ioc")

FED_FROM_THE_START = ("ACK", "message", "values")
MAX_PVS_LOGGED = 100
"""PVs whose refused posts are logged in a run; a system may make up names."""
MAX_REASONS = 5
"""Different reasons for refusing posts to one PV that are logged in a run."""
REASON_CHARACTERS = 300
"""Of a reason in the log; it may quote a value."""
_NUMBERS = re.compile(r"[\d.]+")
_OLD_VALUE = (
    Source.WORKER_GONE,
    Source.LINK_LOST,
    Source.READ_FAILED,
    Source.STALE,
)
"""What a read-only PV has until it is posted again, because its value is old."""


class Publisher:
    """The PVs of one system that the worker feeds, and their alarms."""

    def __init__(self, name: str, refused: Channel) -> None:
        """`refused` is the PV that counts refused posts."""
        self._name = name
        self._refused_pv = refused
        self._pvs: dict[str, FedPv] = {}
        self._shown: dict[str, ShownPv] = {}
        self._fed: set[str] = set()
        self._waiting: dict[Source, set[str]] = {s: set() for s in _OLD_VALUE}
        """PVs that are good again with their first post, by what it ends."""
        self._gone: Alarm | None = None
        """What PVs have before a run; None: the system has not been started."""
        self.setpoints: dict[str, object] = {}
        """The last accepted puts of PVs that the worker may post, as it got them."""
        self._asked: set[str] = set()
        """Writable PVs whose first post shows what the worker has."""
        self._reasons_logged: dict[str, OncePerKey] = {}
        self._ages = Ages(self._set_stale)
        self.refused = 0
        """Posts that were refused since the IOC started."""

    def add(self, pv: str, fed: FedPv, *, is_fed: bool) -> None:
        """Let the worker post `pv`. `is_fed`: in COMM alarm before the first run."""
        self._pvs[pv] = fed
        self._shown[pv] = fed
        own_alarm(fed.data)
        self._ages.watch(fed)
        if is_fed:
            self._fed.add(pv)
            self._is_old(pv, fed)

    def _is_old(self, pv: str, fed: FedPv) -> None:
        """A PV that a class declares has its first value still to come."""
        if self._gone is None:
            return
        fed.change(Source.WORKER_GONE, self._gone)
        if not fed.is_writable:
            self._waiting[Source.WORKER_GONE].add(pv)

    def ask(self, pv: str) -> None:
        """What is said of the old value of this writable PV ends with its post, too."""
        self._asked.add(pv)
        if Source.WORKER_GONE in self._pvs[pv].held:
            self._waiting[Source.WORKER_GONE].add(pv)

    def show_on(self, pv: str, data: Channel) -> None:
        """Show alarms of `pv` on `data`, which the worker cannot post."""
        own_alarm(data)
        self._shown[pv] = ShownPv(data)

    def knows(self, pv: str) -> bool:
        """Whether the worker may post this name."""
        return pv in self._pvs

    def shows(self, pv: str) -> bool:
        """Whether the alarms of this PV are ours."""
        return pv in self._shown

    def fed_pv(self, pv: str) -> FedPv | None:
        """The PV of this name that the worker may post."""
        return self._pvs.get(pv)

    def publish_every_post(self, pvs: Iterable[str]) -> None:
        """Each post of these PVs is an event: others wait for its words."""
        for pv in pvs:
            if pv in self._pvs:
                self._pvs[pv].rules = ValueRules()

    @property
    def shown(self) -> Iterable[ShownPv]:
        """The PVs whose alarms are ours, each once."""
        return dict.fromkeys(self._shown.values())

    def values_of(self, pvs: Iterable[str]) -> Values:
        """The values that these PVs have now; names that are none are left out."""
        return {pv: self._pvs[pv].data.value for pv in pvs if pv in self._pvs}

    def accepted(self, pv: str, value: object) -> None:
        """Make an accepted put the value of its PV, without its putter.

        The alarm of a former command that failed ends in the same event. A command
        whose value does not fit the PV of its name leaves that as it is: a putter of
        one's own may forward what it likes.
        """
        shown = self._shown.get(pv)
        if shown is None:
            return
        if isinstance(shown, FedPv) and shown.is_writable:
            self.setpoints[pv] = value
        shown.note(Source.FAILED_COMMAND, NO_ALARM)
        if not isinstance(shown, FedPv):
            ca.post(shown.data, value, alarm=shown.news())
            return
        try:
            fitting = shown.coerce(value)
        except PostRefused:
            shown.show()
        else:
            shown.publish(fitting, None, shown.held.get(Source.DRIVER))

    def publish(
        self, pv: str, value: object, stamp_s: float | None, alarm: Alarm | None = None
    ) -> object:
        """Publish one posted value; returns it as published, None when refused.

        `alarm` is what the driver says of it; None: nothing.
        """
        fed = self._pvs.get(pv)
        if fed is None:
            self._refuse(pv, "the IOC has no such PV to post", "is it declared?")
            return None
        try:
            fitting = fed.coerce(value)
        except PostRefused as ex:
            self._refuse(pv, str(ex), "the former value stays")
            return None
        if fed.held:
            self._end_of_old_value(pv, fed)
        self._fed.add(pv)
        if fed.stale_s:
            self._ages.posted(fed)
        if fed.shape is not None:
            self._publish_shape(pv, image_shape(value, fed.shape), stamp_s)
        fed.publish(fitting, stamp_s, alarm)
        return fitting

    def _publish_shape(
        self, pv: str, shape: tuple[int, int], stamp_s: float | None
    ) -> None:
        """Before the image: who gets its event knows its shape."""
        height, width = shape
        self.publish(pv + HEIGHT, height, stamp_s)
        self.publish(pv + WIDTH, width, stamp_s)
        dtype = self._pvs.get(pv + DTYPE)
        if dtype is not None:
            self.publish(pv + DTYPE, dtype.data.value, stamp_s)

    def driver_says(self, pv: str, alarm: Alarm, stamp_s: float | None) -> None:
        """The driver changes the alarm of a PV without posting a value.

        With the driver's time: by ours it could be later than that of the next value,
        and archivers drop a value whose time is not later than what they have.
        """
        fed = self._pvs.get(pv)
        if fed is None:
            self._refuse(pv, "the IOC has no such PV to post", "is it declared?")
        else:
            fed.change(Source.DRIVER, alarm, stamp_s)

    def _end_of_old_value(self, pv: str, fed: FedPv) -> None:
        """A value has come: what was said of the old one's age is over."""
        for source, waiting in self._waiting.items():
            if waiting and pv in waiting:
                waiting.discard(pv)
                fed.note(source, NO_ALARM)

    def show_refused(self) -> None:
        """Publish the count. Once for each message: a flood of refusals costs little,
        and the count is right before the command's put completes."""
        ca.post_if_changed(self._refused_pv, self.refused)

    # -- alarms

    def command_failed(self, pv: str, words: str, *, is_fault: bool) -> None:
        """The last command on this PV failed. `is_fault`: something is to be mended."""
        shown = self._shown.get(pv)
        if shown is not None:
            shown.is_fault = is_fault
            alarm = alarm_from(Source.FAILED_COMMAND, words)
            shown.change(Source.FAILED_COMMAND, alarm)

    def set_alarm(self, pvs: Iterable[str], source: Source, words: str = "") -> None:
        """Give those of these PVs that we show an alarm of this source."""
        alarm = alarm_from(source, words)
        if source in self._waiting:
            self._waiting[source].difference_update(pvs)
        for pv in sorted(pvs):
            if pv in self._shown:
                self._shown[pv].change(source, alarm)

    def clear_alarm(self, pvs: Iterable[str], source: Source) -> None:
        """What this source said of these PVs is over."""
        for pv in sorted(pvs):
            if pv in self._shown:
                self._shown[pv].change(source, NO_ALARM)

    def clear_with_next_post(self, pvs: Iterable[str], source: Source) -> None:
        """What this source said of these PVs is over when they are posted again."""
        self._waiting[source].update(pvs)

    def worker_gone(self, words: str = "") -> None:
        """Every worker-fed PV is INVALID/COMM from now on.

        What the dead worker said of its instrument is over: a stall, the link, failed
        reads, the driver's alarms. Afterwards, lest a PV looks good in between.
        """
        self._ages.stop()
        self._waiting[Source.LINK_LOST].clear()
        self._waiting[Source.READ_FAILED].clear()
        self._gone = alarm_from(Source.WORKER_GONE, words)
        self.set_alarm(self._fed, Source.WORKER_GONE, words)
        self._waiting[Source.WORKER_GONE] = self._read_only(self._fed) | self._asked
        for source in _SAID_BY_THE_WORKER:
            self.clear_alarm(self._fed, source)

    def worker_ready(self) -> None:
        """Writable PVs are good again; the others with their first post."""
        self._reasons_logged.clear()
        self._ages.start(fed for fed in self._pvs.values() if fed.stale_s)
        writable = self._fed - self._read_only(self._fed)
        self.clear_alarm(writable, Source.WORKER_GONE)

    def link_lost(self, words: str) -> None:
        """The system has lost its instrument: no value of it is to be trusted."""
        self.set_alarm(self._fed, Source.LINK_LOST, words)
        self._waiting[Source.LINK_LOST] = set(self._asked)

    def link_back(self) -> None:
        """The instrument answers again. Writable PVs and what only commands post are
        good again, readbacks with their first post."""
        lost = {pv for pv in self._fed if Source.LINK_LOST in self._pvs[pv].held}
        waiting = self._read_only(lost) - set(FED_FROM_THE_START)
        self._waiting[Source.LINK_LOST] = waiting
        self.clear_alarm(lost - waiting, Source.LINK_LOST)

    def link_was_good(self) -> None:
        """The link was in doubt and had not been lost: the values are as they were."""
        self._waiting[Source.LINK_LOST].clear()
        self.clear_alarm(self._fed, Source.LINK_LOST)

    def _read_only(self, pvs: set[str]) -> set[str]:
        return {pv for pv in pvs if not self._pvs[pv].is_writable}

    def stall(self, is_stalled: bool, words: str = "") -> None:
        """Raise or clear TIMEOUT on every worker-fed PV."""
        if is_stalled:
            self.set_alarm(self._fed, Source.WORKER_SILENT, words)
        else:
            self.clear_alarm(self._fed, Source.WORKER_SILENT)

    def _set_stale(self, fed: FedPv) -> None:
        words = f"no post for {fed.stale_s:g} s"
        self._waiting[Source.STALE].update(
            pv for pv, found in self._pvs.items() if found is fed
        )
        fed.change(Source.STALE, alarm_from(Source.STALE, words))

    def close(self) -> None:
        """No more timers."""
        self._ages.stop()

    # -- refusals

    def _refuse(self, pv: str, reason: str, then: str) -> None:
        self.refused = (self.refused + 1) % COUNTER_MODULUS
        pv, reason = (
            shortened(pv, NAME_CHARACTERS),
            shortened(reason, REASON_CHARACTERS),
        )
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


def shortened(text: str, characters: int) -> str:
    """The start of a text that somebody else chose the length of."""
    return text if len(text) <= characters + 3 else f"{text[:characters]}..."


_SAID_BY_THE_WORKER = (
    Source.WORKER_SILENT,
    Source.LINK_LOST,
    Source.READ_FAILED,
    Source.STALE,
    Source.DRIVER,
)
