"""What is known of the values that one `@every` method reads. Pure.

The method names PVs, or is seen to post them in calls that succeed. While it fails, or
runs for far too long, those are not to be trusted.
"""

from collections.abc import Iterable

from sswd.pipe.protocol import ReadState

LATE_PERIODS = 3
"""A call that runs for longer is told as late."""
LATE_TIMES = 3
"""And marks its PVs when it is also so many times longer than any good call was."""
MAX_PVS = 1000
"""PVs that are learnt; a driver may make up names."""


class ReadWatch:
    """One method; not thread-safe. Times are monotonic."""

    def __init__(self, name: str, period_s: float, pvs: Iterable[str] = ()) -> None:
        self.name = name
        self._period_s = period_s
        self._pvs = dict.fromkeys(pvs)
        self._posting: dict[str, None] = {}
        self._begun_s: float | None = None
        self._longest_s = 0.0
        self._failing = ""
        self._is_told_late = False

    @property
    def is_failing(self) -> bool:
        """Whether its PVs are not to be trusted now."""
        return bool(self._failing)

    def begin(self, now_s: float) -> None:
        """A call begins."""
        self._posting.clear()
        self._begun_s, self._is_told_late = now_s, False

    def posted(self, pvs: Iterable[str]) -> None:
        """The call that runs posts these."""
        if len(self._posting) < MAX_PVS:
            self._posting.update(dict.fromkeys(pvs))

    def failed(self, words: str) -> ReadState | None:
        """The call has raised, as `words` say; what there is to tell."""
        self._begun_s = None
        if words == self._failing:
            return None
        self._failing = words
        return ReadState(self.name, words, list(self._pvs))

    def worked(self, now_s: float) -> ReadState | None:
        """The call has returned; what there is to tell before its posts."""
        if self._begun_s is not None:
            self._longest_s = max(self._longest_s, now_s - self._begun_s)
        self._begun_s = None
        was_failing, self._failing = self._failing, ""
        fresh = list(self._posting)
        if len(self._pvs) < MAX_PVS:
            self._pvs.update(self._posting)
        if not was_failing:
            return None
        return ReadState(self.name, "", list(self._pvs), fresh)

    def late_s(self, now_s: float) -> float | None:
        """How long the call has been running, once for each that is late."""
        if self._begun_s is None or self._is_told_late:
            return None
        ran_s = now_s - self._begun_s
        if ran_s <= LATE_PERIODS * self._period_s:
            return None
        self._is_told_late = True
        return ran_s

    def forget_overdue(self) -> None:
        """It could not be told."""
        self._failing = ""

    def overdue(self, now_s: float) -> ReadState | None:
        """What there is to tell of a call that runs much longer than ever before."""
        if self._begun_s is None or self._failing or not self._longest_s:
            return None
        ran_s = now_s - self._begun_s
        limit_s = max(LATE_PERIODS * self._period_s, LATE_TIMES * self._longest_s)
        if ran_s <= limit_s:
            return None
        self._failing = f"{self.name} has not returned for {ran_s:.1f} s"
        return ReadState(self.name, self._failing, list(self._pvs))
