"""Log without a flood: what may pass now, and what was logged already.

Pure, but for the monotonic clock. Each object belongs to one thread.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Gives the monotonic time in seconds."""

MAX_KEYS = 1000


class TokenBucket:
    """Lets `burst` pass at once, then `rate_per_s` a second; it counts the others."""

    __slots__ = ("_burst", "_clock", "_filled_s", "_left", "_rate_per_s", "kept_back")

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
        self.kept_back = 0
        """How many did not pass since `collect_kept_back` was called."""

    def take(self) -> bool:
        """Whether one more may pass now."""
        now_s = self._clock()
        gained = (now_s - self._filled_s) * self._rate_per_s
        self._left = min(self._burst, self._left + gained)
        self._filled_s = now_s
        if self._left < 1:
            self.kept_back += 1
            return False
        self._left -= 1
        return True

    def collect_kept_back(self) -> int:
        """How many did not pass since the last call, for a line that says so."""
        kept_back, self.kept_back = self.kept_back, 0
        return kept_back


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


@dataclass(slots=True)
class _Period:
    """What became of one key since `began_s`."""

    began_s: float
    passed: int = 1
    kept_back: int = 0


class FewPerPeriod:
    """Lets `count` of each key pass in a period, and counts the others.

    The period of a key begins with the first one that passes. At most `max_keys` are
    remembered; beyond, all are forgotten: whoever chooses the keys does not choose our
    memory.
    """

    __slots__ = ("_clock", "_count", "_max_keys", "_period_s", "_periods")

    def __init__(
        self,
        count: int,
        period_s: float,
        clock: Clock | None = None,
        *,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._clock = time.monotonic if clock is None else clock
        self._count = count
        self._period_s = period_s
        self._max_keys = max_keys
        self._periods: dict[Hashable, _Period] = {}

    def take(self, key: Hashable = None) -> int | None:
        """None: not now, it is counted. Else one may pass now; the number is how many
        were kept back in the period before, for the first of a period, else 0."""
        now_s = self._clock()
        period = self._periods.get(key)
        if period is None or now_s - period.began_s >= self._period_s:
            if len(self._periods) >= self._max_keys:
                self._periods.clear()
            self._periods[key] = _Period(now_s)
            return 0 if period is None else period.kept_back
        if period.passed < self._count:
            period.passed += 1
            return 0
        period.kept_back += 1
        return None

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._periods)


class OncePerPeriod(FewPerPeriod):
    """Lets one of each key pass in a period, and counts the others."""

    __slots__ = ()

    def __init__(
        self, period_s: float, clock: Clock | None = None, *, max_keys: int = MAX_KEYS
    ) -> None:
        super().__init__(1, period_s, clock, max_keys=max_keys)
