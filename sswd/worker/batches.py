"""Updates on their way into messages: by what their texts and arrays weigh. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sswd.alarm import Alarm
from sswd.pipe.protocol import Update

BATCH_BYTES = 1 << 20
"""Of texts and arrays in one message; a larger value travels alone. The IOC bounds what
one frame may announce, and 256 arrays of nearly 1 MiB would be too much."""


class Entry:
    """One unsent update; mutable, so that a newer value can take its place."""

    __slots__ = ("alarm", "keeps_value", "pv", "stamp_s", "value")

    def __init__(
        self, pv: str, value: Any, stamp_s: float, alarm: Alarm | None = None
    ) -> None:
        self.pv, self.value, self.stamp_s, self.alarm = pv, value, stamp_s, alarm
        self.keeps_value = False

    def update(self) -> Update:
        """As a message carries it."""
        return Update(self.pv, self.value, self.stamp_s, self.alarm, self.keeps_value)


def weight(value: object) -> int:
    """Bytes that a frozen value takes in a message, rounded up."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, str):
        return 4 * len(value)
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, list):
        return sum(4 * len(text) for text in value)
    return 0


def batches(updates: Sequence[Update]) -> Iterator[list[Update]]:
    """`updates` in order, as many in each list as one message holds; none: one []."""
    batch: list[Update] = []
    size = 0
    for update in updates:
        added = weight(update.value)
        if batch and size + added > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(update)
        size += added
    yield batch
