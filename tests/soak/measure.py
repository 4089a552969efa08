"""What all soaks share: what a process holds, a line through samples, periodic work."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import numpy as np
import psutil


class Held(NamedTuple):
    """What a process holds now."""

    rss_mb: float
    fds: int
    threads: int


def held(process: psutil.Process) -> Held:
    """Look at it. Raises psutil.Error when it has ended."""
    with process.oneshot():
        rss_mb = process.memory_info().rss / 1e6
        return Held(rss_mb, process.num_fds(), process.num_threads())


def rise(values: Sequence[float], parts: int = 20) -> float:
    """What a straight line through them adds from the first to the last.

    The line goes through the medians of so many parts of them, because a worker that
    starts has a few descriptors and threads for a moment.
    """
    array = np.asarray(values, float)
    medians = [np.median(p) for p in np.array_split(array, min(parts, len(array)))]
    return slope(medians)


def slope(values: Sequence[float]) -> float:
    """The same through the values themselves."""
    return float(np.polyfit(np.linspace(0.0, 1.0, len(values)), values, 1)[0])


async def again(
    over: asyncio.Event, period_s: float, work: Callable[[], Awaitable[None]]
) -> None:
    """Do the work, with a pause after each time, until it is over."""
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), period_s)
            return
        await work()


class Clock:
    """The time since it was made, in s."""

    def __init__(self) -> None:
        self._begun_s = time.perf_counter()

    def __call__(self) -> float:
        return time.perf_counter() - self._begun_s
