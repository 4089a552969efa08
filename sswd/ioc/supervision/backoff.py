"""When a worker is started again: pure policies, no clock of their own.

After a death: the first one after a run that was RUNNING for 5 s or more restarts at
once; then `delay_s`, doubling to `max_delay_s`, for ever. With `max_restarts` set, more
deaths than that within `window_s` give up (FATAL).

Above a ceiling of memory: when idle, unless the system needs as much from its start.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

GOOD_RUN_S = 5.0
"""A run that was RUNNING this long has proved itself."""


@dataclass
class Backoff:
    """Counts deaths. An operator's restart neither asks nor counts here."""

    delay_s: float = 0.5
    max_delay_s: float = 30.0
    max_restarts: int | None = None
    window_s: float = 60.0
    _in_a_row: int = 0
    _deaths: deque[float] = field(default_factory=deque)

    def died(self, now_s: float, ran_s: float) -> float | None:
        """A run died unasked after being RUNNING for `ran_s` (0: it never was).

        Returns the seconds to wait before the next start, or None to give up.
        """
        self._deaths.append(now_s)
        while self._deaths and self._deaths[0] < now_s - self.window_s:
            self._deaths.popleft()
        if self.max_restarts is not None and len(self._deaths) > self.max_restarts:
            return None
        if ran_s >= GOOD_RUN_S:
            self._in_a_row = 0
            return 0.0
        self._in_a_row += 1
        doubled = self.delay_s * 2.0 ** min(self._in_a_row - 1, 60)
        return min(doubled, self.max_delay_s)

    def clear(self) -> None:
        """Forget the past: an operator said START or RESTART."""
        self._in_a_row = 0
        self._deaths.clear()


class Size(Enum):
    """What is to be done about the memory of a worker."""

    FITS = auto()
    TOO_LARGE = auto()
    """It has grown above the ceiling and is idle: restart it."""
    NEVER_FITS = auto()
    """It was above from the start, so that a restart would not help; said once."""


@dataclass
class Ceiling:
    """Judges the memory of one system's worker while it is RUNNING."""

    max_mb: float | None
    _run: int = 0
    _is_hopeless: bool = False

    def judge(self, memory_mb: float, *, run: int, ran_s: float, is_idle: bool) -> Size:
        """The first judgement of each run shows what the system needs anyway."""
        if self.max_mb is None:
            return Size.FITS
        is_first, self._run = run != self._run, run
        is_above = memory_mb > self.max_mb
        if is_first:
            was_hopeless, self._is_hopeless = self._is_hopeless, is_above
            return Size.NEVER_FITS if is_above and not was_hopeless else Size.FITS
        if is_above and is_idle and not self._is_hopeless and ran_s >= GOOD_RUN_S:
            return Size.TOO_LARGE
        return Size.FITS
