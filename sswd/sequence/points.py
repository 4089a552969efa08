"""Types of a trajectory, the room for its points, and their accumulator."""

from typing import NewType, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sswd.sequence.errors import GrammarError
from sswd.sizes import VALUES_ELEMENTS

DEFAULT_LIMIT = VALUES_ELEMENTS
"""Points of a trajectory unless the caller gives a limit: the length of ``values``."""

Series: TypeAlias = NDArray[np.float64]
"""A trajectory: one-dimensional, float64, in the units of the system."""

Point = NewType("Point", float)
"""A single number of a trajectory; unlike other arguments it may be ``nan``."""


class Room:
    """How many points may be made; asked before anything is allocated."""

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def check(self, count: float) -> None:
        """Raise ``GrammarError`` unless ``count`` points fit (inf and nan do not)."""
        if not count <= self.limit:
            raise GrammarError(
                f"this makes {count:.6g} points and the limit is {self.limit}",
                "use fewer points",
            )


class Points:
    """The points of one value under construction, in chunks, never copied twice.

    Every value of the grammar has exactly one owner, so ``extend`` may take over the
    other's chunks; this keeps a chain of a thousand ``+`` linear.
    """

    __slots__ = ("chunks", "count")

    def __init__(self, chunk: Series | list[float]) -> None:
        self.chunks: list[Series | list[float]] = [chunk]
        self.count = len(chunk)

    def append(self, point: float) -> None:
        """Append one point."""
        last = self.chunks[-1]
        if isinstance(last, list):
            last.append(point)
        else:
            self.chunks.append([point])
        self.count += 1

    def extend(self, other: "Points") -> None:
        """Append the points of ``other``, which must not be used afterwards."""
        last, first = self.chunks[-1], other.chunks[0]
        if isinstance(last, list) and isinstance(first, list):
            last.extend(first)
            self.chunks.extend(other.chunks[1:])
        else:
            self.chunks.extend(other.chunks)
        self.count += other.count

    def array(self) -> Series:
        """Return the points as one float64 array of shape ``(count,)``."""
        if len(self.chunks) == 1:
            return np.asarray(self.chunks[0], dtype=np.float64)
        return np.concatenate([np.asarray(c, dtype=np.float64) for c in self.chunks])
