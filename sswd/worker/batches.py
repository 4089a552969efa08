"""Updates on their way into messages: by what their texts and arrays weigh. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np

from sswd.pipe.plain import SCALARS
from sswd.pipe.protocol import Update

BATCH_BYTES = 1 << 20
"""Of texts and arrays in one message; a larger value travels alone. The IOC bounds what
one frame may announce, and 256 arrays of nearly 1 MiB would be too much."""
BATCH_UPDATES = 256
TEXT_BYTES = 128
"""That a text in a list weighs at least, for what the IOC must do about it."""


WEIGHTLESS = (*SCALARS, int)
"""Types whose values are not reckoned with."""


def weight(value: object) -> int:
    """Bytes that a frozen value takes in a message, rounded up."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, str):
        return 4 * len(value)
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, list):
        return sum(4 * len(text) + TEXT_BYTES for text in value)
    return 0


def batches(updates: Sequence[Update]) -> Iterator[list[Update]]:
    """`updates` in order, as many in each list as one message holds; none: one []."""
    batch: list[Update] = []
    size = 0
    for update in updates:
        added = weight(update.value)
        is_full = size + added > BATCH_BYTES or len(batch) >= BATCH_UPDATES
        if batch and is_full:
            yield batch
            batch, size = [], 0
        batch.append(update)
        size += added
    yield batch
