"""Log without a flood: what may pass now, and what was logged already.

Pure, but for the monotonic clock. Each object belongs to one thread.
"""

import time
from collections.abc import Callable, Hashable

Clock = Callable[[], float]
"""Gives the monotonic time in seconds."""


class TokenBucket:
    """`burst` at once, then `rate_per_s` a second."""

    __slots__ = ("_burst", "_clock", "_filled_s", "_left", "_rate_per_s")

    def __init__(
        self,
        burst: int = 200,
        rate_per_s: float = 20.0,
        clock: Clock | None = None,
    ) -> None:
        self._clock = time.monotonic if clock is None else clock
        self._burst = burst
        self._rate_per_s = rate_per_s
        self._left = float(burst)
        self._filled_s = self._clock()

    def take(self) -> bool:
        """Whether one more may pass now."""
        now_s = self._clock()
        gained = (now_s - self._filled_s) * self._rate_per_s
        self._left = min(self._burst, self._left + gained)
        self._filled_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class OncePerKey:
    """Lets each key pass once, until `clear`.

    When `max_keys` have passed, no further key passes: whoever chooses the keys can
    choose neither our memory nor the length of our log.
    """

    __slots__ = ("_keys", "_max_keys")

    def __init__(self, max_keys: int) -> None:
        self._keys: set[Hashable] = set()
        self._max_keys = max_keys

    def is_new(self, key: Hashable) -> bool:
        """Whether `key` may pass: True at its first call only."""
        if key in self._keys or len(self._keys) >= self._max_keys:
            return False
        self._keys.add(key)
        return True

    def clear(self) -> None:
        """Forget all keys."""
        self._keys.clear()


class OncePerPeriod:
    """Lets the first one pass at once, then one a period; it counts the others."""

    __slots__ = ("_clock", "_kept_back", "_passed_s", "_period_s")

    def __init__(self, period_s: float, clock: Clock | None = None) -> None:
        self._clock = time.monotonic if clock is None else clock
        self._period_s = period_s
        self._passed_s: float | None = None
        self._kept_back = 0

    def take(self) -> int | None:
        """None: not now, it is counted. Else one may pass now; the number is how many
        were kept back since the last one passed."""
        now_s = self._clock()
        if self._passed_s is not None and now_s - self._passed_s < self._period_s:
            self._kept_back += 1
            return None
        kept_back, self._kept_back = self._kept_back, 0
        self._passed_s = now_s
        return kept_back
