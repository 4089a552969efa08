"""Nested loops as one count. Pure.

The count n drives every server: with divider d, the product of the points of all loops
inside its own, a server is at index n // d % points. So it has to be stepped at those
counts only that d divides.
"""

from collections.abc import Iterator, Mapping
from math import prod

from sswd.errors import SswdError
from sswd.sequence.stepping import MAX_COUNT


class ScanError(SswdError):
    """A scan cannot begin, or cannot go on."""


class Loops:
    """The loops of one scan."""

    def __init__(self, points: Mapping[str, int], repeat: int = 1) -> None:
        """`points` of each server, outermost loop first. Raises ScanError."""
        empty = [name for name, n in points.items() if n < 1]
        if empty:
            raise ScanError(
                f"nothing is loaded in {', '.join(empty)}: put a trajectory to CMD; "
                '"[0]" for a server that has one point only'
            )
        sizes = list(points.values())
        self.dividers = {name: prod(sizes[i + 1 :]) for i, name in enumerate(points)}
        self.total = prod(sizes) * repeat
        if self.total > MAX_COUNT:
            raise ScanError(f"{self.total} points; INDEX counts to {MAX_COUNT}")

    def counts(self) -> Iterator[int]:
        """All counts, in order."""
        return iter(range(self.total))

    def moving(self, count: int) -> list[str]:
        """The servers whose index changes at this count."""
        return [name for name, d in self.dividers.items() if count % d == 0]
