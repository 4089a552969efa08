"""When a worker that died is started again: pure policy, no clock of its own.

The first death after a run that was RUNNING for 5 s or more restarts at
once; then `delay_s`, doubling to `max_delay_s`, for ever. With `max_restarts` set, more
deaths than that within `window_s` give up (FATAL).
"""

from collections import deque
from dataclasses import dataclass, field

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
