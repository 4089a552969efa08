"""Long work on the loop, in portions: clients are served between them."""

import asyncio
import time
from collections.abc import Callable, Iterator

TURN_S = 0.002


def in_turns(steps: Iterator[None], then: Callable[[], None]) -> None:
    """Take the steps, at most TURN_S in one turn of the loop, and call `then`."""
    until_s = time.perf_counter() + TURN_S
    for _step in steps:
        if time.perf_counter() >= until_s:
            asyncio.get_running_loop().call_soon(in_turns, steps, then)
            return
    then()
