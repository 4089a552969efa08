"""The blocking system that every server runs, and its words.

    E i           post i to ACK
    NOP i         nothing
    SLEEP s       sleep
    SPIN s        compute in Python
    GIL s         a C call that holds the GIL
    SCAL n        post n scalars as fast as possible
    FLOOD s       the same for s seconds
    RATE hz s     post time stamps at a rate, sleeping between
    CALC hz s     the same, computing in Python between
    ALL n s hz    post n scalars at a rate
    ARR n [hz]    post n frames of float64[10000]
    U8A n [hz]    post n frames of 4 MiB
    U8B n [hz]    post n frames of 16 MiB

A stream to val0, values, img4 or img16 ends with the value -1.
"""

import ctypes
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

FLOATS = 10_000
IMAGE4 = 4 << 20
IMAGE16 = 16 << 20

Post = Callable[[Mapping[str, Any]], object]


class Operations:
    """What the words do. `post` takes {pv: value} and need not copy arrays."""

    def __init__(self, post: Post, *, copies: bool = False) -> None:
        self._post = post
        self._copies = copies
        self._words: dict[str, Callable[..., None]] = {
            "E": self._echo,
            "SLEEP": time.sleep,
            "SPIN": lambda secs: _spin_until(time.monotonic() + secs),
            "GIL": lambda secs: ctypes.PyDLL(None).usleep(int(secs * 1e6)),
            "SCAL": self._scalars,
            "FLOOD": self._flood,
            "RATE": lambda hz, secs: self._stamps(hz, secs, _sleep_until),
            "CALC": lambda hz, secs: self._stamps(hz, secs, _spin_until),
            "ALL": self._all,
            "ARR": self._floats,
            "U8A": lambda n, hz=0.0: self._images("img4", IMAGE4, n, hz),
            "U8B": lambda n, hz=0.0: self._images("img16", IMAGE16, n, hz),
        }

    def execute(self, text: str) -> None:
        """Do what `text` says; unknown words do nothing."""
        word, *numbers = str(text).split()
        action = self._words.get(word)
        if action is not None:
            action(*map(float, numbers))

    def _echo(self, number: float) -> None:
        self._post({"ACK": int(number)})

    def _scalars(self, n: float) -> None:
        for i in range(1, int(n) + 1):
            self._post({"val0": float(i)})
        self._post({"val0": -1.0})

    def _flood(self, secs: float) -> None:
        until_s = time.monotonic() + secs
        i = 0
        while time.monotonic() < until_s:
            i += 1
            self._post({"val0": float(i)})
        self._post({"val0": -1.0})

    def _stamps(self, hz: float, secs: float, wait: Callable[[float], None]) -> None:
        for due_s in _ticks(hz, int(hz * secs)):
            self._post({"val0": time.time()})
            wait(due_s)
        self._post({"val0": -1.0})

    def _all(self, count: float, secs: float, hz: float) -> None:
        for k, due_s in enumerate(_ticks(hz, int(hz * secs)), 1):
            self._post({f"val{i}": float(k) for i in range(int(count))})
            _sleep_until(due_s)

    def _floats(self, n: float, hz: float = 0.0) -> None:
        import numpy as np

        buffer = np.arange(FLOATS, dtype=float)
        self._frames("values", buffer, buffer, n, hz)

    def _images(self, pv: str, size: int, n: float, hz: float) -> None:
        import numpy as np

        buffer = np.zeros(size, np.uint8)
        self._frames(pv, buffer, buffer[:8].view(float), n, hz)

    def _frames(self, pv: str, buffer: Any, mark: Any, n: float, hz: float) -> None:
        for i, due_s in enumerate(_ticks(hz, int(n) + 1), 1):
            mark[0] = float(i) if i <= n else -1.0
            self._post({pv: buffer if self._copies else buffer.copy()})
            _sleep_until(due_s)


def _ticks(hz: float, n: int) -> Iterator[float]:
    """The monotonic times at which each of n periods ends; 0 when there is no rate."""
    start_s = time.monotonic()
    for i in range(1, n + 1):
        yield start_s + i / hz if hz else 0.0


def _sleep_until(due_s: float) -> None:
    left_s = due_s - time.monotonic()
    if left_s > 0:
        time.sleep(left_s)


def _spin_until(due_s: float) -> None:
    x = 0
    while time.monotonic() < due_s:
        x += 1
