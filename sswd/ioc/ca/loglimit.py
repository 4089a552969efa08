"""A log that repeats itself at most once in a period, and counts what it kept back."""

import logging
import time
from types import TracebackType

from sswd.ratelimit import Clock, OncePerPeriod

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | BaseException
)


class LimitedLog:
    """Writes the first line of each key at once, then one per period with a count.

    A client can choose neither the number of lines nor the memory they take.
    """

    def __init__(
        self, logger: logging.Logger, period_s: float, clock: Clock = time.monotonic
    ) -> None:
        self._logger = logger
        self._once = OncePerPeriod(period_s, clock)

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
        kept_back = self._once.take(key)
        if kept_back is None:
            return False
        if kept_back:
            text += f" (and {kept_back} more of this kind)"
        self._logger.log(level, text, *args, exc_info=exc_info)
        return True
