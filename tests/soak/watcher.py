"""One client of the soak of operations, in a process of its own, on the real libca.

It monitors one system, gets and puts, and tells its parent every WINDOW_S what it saw.
"""

import asyncio
import contextlib
import time
from dataclasses import astuple, dataclass, fields
from multiprocessing.connection import Connection
from typing import Any

import aioca
from measure import Clock, again

WINDOW_S, GET_S, PUT_S = 2.0, 0.5, 0.5
WAIT_S = 30.0
"""An answer that has not come by then never comes."""


@dataclass(slots=True)
class Seen:
    """What one client has seen in a window."""

    gets: int = 0
    gets_late: int = 0
    gets_lost: int = 0
    slowest_get_s: float = 0.0
    puts: int = 0
    puts_failed: int = 0
    puts_lost: int = 0
    """Neither done nor failed within WAIT_S."""
    slowest_put_s: float = 0.0
    events: int = 0
    longest_silence_s: float = 0.0
    """Without a post of a value that comes a hundred times a second."""
    drops: int = 0
    """How often a monitor lost its circuit."""

    def plus(self, other: tuple[Any, ...]) -> "Seen":
        """Both windows as one: sums, and the slowest of each."""
        names = [field.name for field in fields(Seen)]
        both = zip(names, astuple(self), other, strict=True)
        return Seen(*(max(a, b) if n.endswith("_s") else a + b for n, a, b in both))


class Watcher:
    """The client of one system. `watches`: it hears each value that is posted."""

    def __init__(
        self, prefix: str, late_s: float, number: int, *, watches: bool
    ) -> None:
        self._prefix = prefix
        self._late_s = late_s
        self._number = number
        self._posted = "COUNT" if watches else "LEVEL_RBV"
        self._seen = Seen()
        self._last_s = time.perf_counter()
        """When a good value came last; at first, when we began to wait."""

    async def run(self, parent: Connection) -> None:
        """Until the parent says a word, or is gone."""
        names = (self._posted, "CMD_STATE", "WORKER:STATE", "WORKER:HEARTBEAT")
        monitors = [
            aioca.camonitor(
                self._prefix + pv,
                self._counted if pv == "COUNT" else self._heard,
                all_updates=True,
                format=aioca.FORMAT_TIME,
                notify_disconnect=True,
            )
            for pv in names
        ]
        await aioca.connect([self._prefix + pv for pv in ("CMD", "LEVEL")], timeout=60)
        over = asyncio.Event()
        jobs = [
            asyncio.create_task(again(over, GET_S, self._get)),
            asyncio.create_task(again(over, PUT_S, self._put)),
        ]
        with contextlib.suppress(EOFError, BrokenPipeError):
            while not parent.poll():
                await asyncio.wait(jobs, timeout=WINDOW_S)
                self._note_silence()  # a monitor that stops for good tells nothing
                parent.send(astuple(self._seen))
                self._seen = Seen()
                for job in jobs:
                    if job.done():
                        job.result()
        over.set()
        await asyncio.wait(jobs)
        for monitor in monitors:
            monitor.close()
        aioca.purge_channel_caches()
        with contextlib.suppress(BrokenPipeError):
            parent.send(astuple(self._seen))
            parent.send(None)
        await asyncio.sleep(0.2)  # libca's threads have their last say in this loop

    def _note(self, **more: Any) -> None:
        self._seen = self._seen.plus(astuple(Seen(**more)))

    def _heard(self, value: Any) -> None:
        self._seen.events += value.ok
        self._seen.drops += not value.ok

    def _counted(self, value: Any) -> None:
        if value.ok and value.severity == 0:
            self._note_silence()
            self._last_s = time.perf_counter()
        self._heard(value)

    def _note_silence(self) -> None:
        if self._posted == "COUNT":
            silence_s = time.perf_counter() - self._last_s
            self._seen.longest_silence_s = max(self._seen.longest_silence_s, silence_s)

    async def _get(self) -> None:
        took = Clock()
        pv = self._prefix + "COUNT"
        result = await aioca.caget(pv, timeout=WAIT_S, throw=False)
        taken_s = took()
        late = taken_s > self._late_s
        lost = not result.ok
        self._note(gets=1, gets_late=late, gets_lost=lost, slowest_get_s=taken_s)

    async def _put(self) -> None:
        """A command and a setpoint by turns."""
        self._number += 1
        is_text = self._number % 2
        pv, value = ("CMD", f"at {self._number}") if is_text else ("LEVEL", 1.0)
        if not is_text:
            value = float(self._number % 1000)
        took = Clock()
        result = await aioca.caput(
            self._prefix + pv, value, wait=True, timeout=WAIT_S, throw=False
        )
        taken_s = took()
        lost = not result.ok and taken_s >= WAIT_S
        failed = not result.ok and not lost
        self._note(puts=1, puts_failed=failed, puts_lost=lost, slowest_put_s=taken_s)


def watch(
    parent: Connection, prefix: str, late_s: float, number: int, watches: bool
) -> None:
    """The process: `number` tells clients apart."""
    asyncio.run(Watcher(prefix, late_s, number, watches=watches).run(parent))
