"""Telling without flooding: what may pass now, and what has been told already.

Pure but for the monotonic clock. Each object belongs to one thread.
"""

import time


class TokenBucket:
    """`burst` at once, then `rate` a second."""

    def __init__(self, burst: int = 200, rate_per_s: float = 20.0) -> None:
        self._burst = burst
        self._rate = rate_per_s
        self._left = float(burst)
        self._filled_s = time.monotonic()

    def take(self) -> bool:
        """Whether one more may pass now."""
        now_s = time.monotonic()
        gained = (now_s - self._filled_s) * self._rate
        self._left = min(self._burst, self._left + gained)
        self._filled_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
