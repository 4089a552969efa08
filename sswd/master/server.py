"""One server as a master sees it: its PVs, and one attempt at a step.

Threading model: everything on the master's loop.
"""

import asyncio
import logging
from typing import Any

import numpy as np

from sswd.errors import RemoteLost
from sswd.ioc.client.remote_pv import RemotePv, Update
from sswd.ioc.supervision.lifecycle import WorkerState
from sswd.master.config import Way
from sswd.master.loops import ScanError

log = logging.getLogger("sswd.master")

WATCHED = (
    "INDEX",
    "INDEX_RBV",
    "READY",
    "DIVIDER",
    "values",
    "BUSY",
    "WORKER:STATE",
    "WORKER:RUN",
)
MISSED_S = 2.0
"""An idle server that does not begin within this time has missed its trigger."""
MAJOR = 2


class Server:
    """One server that is stepped."""

    def __init__(self, name: str, prefix: str) -> None:
        self.name = name
        self.prefix = prefix
        self.trouble = ""
        """Why the last step was lost, in words."""
        self._run = 0
        self._before: Any = None
        self._pvs = {pv: self._watch(pv) for pv in WATCHED}
        self._last: dict[str, Update] = {}
        self._fresh: set[str] = set()
        """PVs of which an update came since a trigger."""
        self._changed = asyncio.Event()

    def _watch(self, pv: str) -> RemotePv:
        def updated(update: Update) -> None:
            self._last[pv] = update
            self._fresh.add(pv)
            self._changed.set()

        def connection(is_connected: bool, words: str) -> None:
            if pv == "INDEX":
                log.info("%s: %s (%s)", self.name, _WORDS[is_connected], words)
            if not is_connected:
                self._last.pop(pv, None)
            self._changed.set()

        return RemotePv(self.prefix + pv, updated, connection, alarms=True)

    def start(self) -> None:
        """Connect, for ever."""
        for pv in self._pvs.values():
            pv.start()

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(*(pv.close() for pv in self._pvs.values()))

    # -- what it is

    @property
    def missing(self) -> list[str]:
        """PVs that are not connected."""
        return [pv.name for pv in self._pvs.values() if not pv.is_connected]

    @property
    def points(self) -> int:
        """The length of its trajectory; 0: none is loaded."""
        values = np.atleast_1d(self._last["values"].value)
        return 0 if np.isnan(values).all() else len(values)

    @property
    def is_running(self) -> bool:
        """Connected, and its worker RUNNING."""
        state = self._last.get("WORKER:STATE")
        is_up = state is not None and state.value == WorkerState.RUNNING
        return is_up and not self.missing

    # -- what it does

    async def set_divider(self, divider: int) -> None:
        """Set its DIVIDER. Raises ScanError."""
        try:
            is_done = await self._pvs["DIVIDER"].put(divider)
        except RemoteLost as ex:
            raise ScanError(f"{self.name}: DIVIDER: {ex}") from ex
        if not is_done:
            raise ScanError(f"{self.name} refuses DIVIDER {divider}")

    async def wait_until_running(self) -> None:
        """Wait until it is connected and its worker RUNNING, however long."""
        while not self.is_running:
            self._changed.clear()
            await self._changed.wait()

    def expect(self) -> None:
        """Look at what comes from now on: a step is about to be sent."""
        self._fresh.clear()
        self._run = self._last["WORKER:RUN"].value
        self._before = self._last["INDEX_RBV"].value

    async def attempt(self, count: int, way: Way) -> bool:
        """Step to `count`, once; True when it is there, published and READY.

        False when the step was lost, with the worker, on the way, or because the server
        missed its trigger: it can be sent again when the server is RUNNING, unless
        `has_done` by then. Raises ScanError when the server itself failed, or somebody
        aborted the step.
        """
        try:
            if way == "put":
                is_done = await self._pvs["INDEX"].put(count)
            else:
                is_done = await self._triggered(count)
            if is_done:
                return True
            state = await self._pvs["WORKER:STATE"].get()
            run = await self._pvs["WORKER:RUN"].get()
        except RemoteLost as ex:
            self.trouble = f"{self.name}: {ex}"
            return False
        if (state, run) == (WorkerState.RUNNING, self._run):
            raise ScanError(f"{self.name} failed at {count}: see its CMD_ERROR")
        self.trouble = f"{self.name}: its worker was lost at {count}"
        return False

    async def has_done(self, count: int) -> bool:
        """Whether a step that seemed lost had been done before the worker died."""
        try:
            rbv = await self._pvs["INDEX_RBV"].get()
        except RemoteLost:
            return False
        return bool(rbv == count != self._before)

    async def _triggered(self, count: int) -> bool:
        """Wait for what comes of a trigger that has been published."""
        while (outcome := self._outcome(count)) is None:
            self._changed.clear()
            try:
                async with asyncio.timeout(MISSED_S):
                    await self._changed.wait()
            except TimeoutError:
                if self._is_idle():
                    raise RemoteLost(f"it has missed trigger {count}") from None
        return outcome

    def _outcome(self, count: int) -> bool | None:
        """True: done. False: failed, or the worker is gone. None: not yet known."""
        if not self.is_running:
            raise RemoteLost(f"its worker was lost at {count}")
        rbv, ready = self._last["INDEX_RBV"], self._last["READY"]
        is_there = "INDEX_RBV" in self._fresh and rbv.value == count
        if is_there and (ready.value, ready.severity, rbv.severity) == (1, 0, 0):
            return True
        index = self._last["INDEX"]
        has_ended = "INDEX" in self._fresh and index.value == count
        return False if has_ended and index.severity == MAJOR else None

    def _is_idle(self) -> bool:
        return bool(self._last["BUSY"].value == 0) and "READY" not in self._fresh


_WORDS = {True: "connected", False: "lost"}
