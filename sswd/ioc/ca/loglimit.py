"""A log that repeats itself at most once in a period, and counts what it kept back."""

import logging
import time
from collections.abc import Callable
from types import TracebackType

MAX_KEYS = 1000

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | BaseException
)


class LimitedLog:
    """Writes the first line of each key at once, then one per period with a count.

    A client can choose neither the number of lines nor (MAX_KEYS) the memory they take.
    """

    def __init__(
        self,
        logger: logging.Logger,
        period_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.logger = logger
        self.period_s = period_s
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}

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
        now_s = self._clock()
        last_s, kept_back = self._seen.get(key, (-self.period_s, 0))
        if now_s - last_s < self.period_s:
            self._seen[key] = (last_s, kept_back + 1)
            return False
        if len(self._seen) >= MAX_KEYS:
            self._seen.clear()
        self._seen[key] = (now_s, 0)
        if kept_back:
            text += f" (and {kept_back} more of this kind)"
        self.logger.log(level, text, *args, exc_info=exc_info)
        return True
