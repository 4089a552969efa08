"""A trajectory as a plot of braille characters, 2 x 4 dots each."""

import numpy as np

from sswd.sequence.points import Series

_BLANK = 0x2800
# Unicode numbers the dots of a braille character by columns, the lowest row last.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_SMALLEST = (10, 2)


def render(array: Series, width: int = 72, height: int = 12) -> str:
    """Return ``array`` (float64, shape (n,)) over its index, ``height`` lines high.

    No line is longer than ``width`` characters (at least 10; ``height`` at least 2).
    Points that are not finite leave gaps. Ends without a new line.
    """
    width, height = max(width, _SMALLEST[0]), max(height, _SMALLEST[1])
    points = np.asarray(array, dtype=np.float64).ravel()
    shown = np.isfinite(points)
    if not shown.any():
        return "no points to plot"
    low, high = float(points[shown].min()), float(points[shown].max())
    labels = [f"{high:.4g}", f"{low:.4g}"]
    margin = max(map(len, labels)) + 1
    if margin > width - 4:
        labels, margin = ["", ""], 0
    columns = width - margin - 1
    index = np.flatnonzero(shown)
    x = _scaled(index.astype(np.float64), 0, len(points) - 1, columns * 2)
    y = _scaled(points[shown], low, high, height * 4)
    cells = _cells(x, height * 4 - 1 - y, columns, height)
    left = [labels[0], *[""] * (height - 2), labels[1]]
    lines = [
        f"{label:>{max(margin - 1, 0)}}{' ' if margin else ''}|{line}".rstrip()
        for label, line in zip(left, cells, strict=True)
    ]
    return "\n".join(lines)


def _scaled(
    values: Series, low: float, high: float, dots: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the dot, 0 to ``dots`` - 1, of each value."""
    # Halved, because high - low itself may be too large for float64.
    span = high / 2 - low / 2
    if span == 0:
        return np.full(len(values), (dots - 1) // 2, dtype=np.int64)
    part = (values / 2 - low / 2) / span
    return np.clip(np.rint(part * (dots - 1)), 0, dots - 1).astype(np.int64)


def _cells(
    x: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    y: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    columns: int,
    height: int,
) -> list[str]:
    """Return the lines of braille for dots counted from the upper left corner."""
    codes = np.full((height, columns), _BLANK, dtype=np.int64)
    np.bitwise_or.at(codes, (y // 4, x // 2), _DOTS[y % 4, x % 2])
    return ["".join(map(chr, row)) for row in codes.tolist()]
