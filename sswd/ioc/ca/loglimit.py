"""A log that repeats itself at most once in a period, and counts what it kept back."""

import logging
import time
from types import TracebackType

from sswd.ratelimit import Clock, OncePerPeriod

MAX_KEYS = 1000

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | BaseException
)


class LimitedLog:
    """Writes the first line of each key at once, then one per period with a count.

    A client can choose neither the number of lines nor (MAX_KEYS) the memory they take.
    """

    def __init__(
        self, logger: logging.Logger, period_s: float, clock: Clock = time.monotonic
    ) -> None:
        self._logger = logger
        self._period_s = period_s
        self._clock = clock
        self._once: dict[str, OncePerPeriod] = {}

    def log(
        self,
        level: int,
        key: str,
        text: str,
        *args: object,
        exc_info: ExcInfo | None = None,
    ) -> bool:
        """Log `text % args` unless a line of `key` was written within the period.

        Returns whether it was written.
        """
        once = self._once.get(key)
        if once is None:
            if len(self._once) >= MAX_KEYS:
                self._once.clear()
            once = self._once[key] = OncePerPeriod(self._period_s, self._clock)
        kept_back = once.take()
        if kept_back is None:
            return False
        if kept_back:
            text += f" (and {kept_back} more of this kind)"
        self._logger.log(level, text, *args, exc_info=exc_info)
        return True
