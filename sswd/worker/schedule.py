"""When an `@every` method is due. Threading model: one thread for each method."""

import time
from collections.abc import Callable
from typing import Any


class Periodic:
    """One method and when it is due next."""

    def __init__(self, method: Callable[[], Any], period_s: float) -> None:
        self.method = method
        self.period_s = period_s
        self.due_s = time.monotonic() + period_s

    def advance(self, now_s: float) -> None:
        """Set the next due time; calls that were missed are not made up for."""
        late = now_s - self.due_s
        self.due_s += self.period_s * (1 + late // self.period_s)
