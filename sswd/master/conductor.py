"""The scan: every server through its loops, point by point. Loop thread only."""

import asyncio
import enum
import logging
import time
from collections.abc import Callable, Mapping

from sswd.master.config import Way
from sswd.master.loops import Loops, ScanError
from sswd.master.server import Server

log = logging.getLogger("sswd.master")


class State(enum.IntEnum):
    """What the master is doing."""

    IDLE = 0
    RUNNING = 1
    WAITING = 2
    """For a server that was lost."""
    DONE = 3
    STOPPED = 4
    FAILED = 5


class Conductor:
    """Steps `servers`, by name and outermost loop first.

    `publish(text)` posts Nested_Indices; `on_change()` is called whenever one of the
    public attributes may have changed.
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        way: Way,
        publish: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._servers = servers
        self._way = way
        self._publish = publish
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None
        self.state = State.IDLE
        self.status = "not started"
        self.done = 0
        """Points that are complete."""
        self.total = 0
        self.point_s = 0.0
        """How long the last point took."""
        self.period_s = 0.0
        self.resent = 0
        """Steps that were sent again since the master began."""

    def start(self, repeat: int) -> None:
        """Begin a scan. Raises ScanError, which `status` says too, when one runs, a
        server is missing, or nothing is loaded in one."""
        try:
            loops = self._loops(repeat)
        except ScanError as ex:
            self._state_changed(self.state, f"START refused: {ex}")
            raise
        self.done, self.total = 0, loops.total
        self._task = asyncio.get_running_loop().create_task(self._run(loops))

    def _loops(self, repeat: int) -> Loops:
        if self._task is not None:
            raise ScanError("a scan runs already; STOP it first")
        missing = [pv for s in self._servers.values() for pv in s.missing]
        if missing:
            raise ScanError(f"not connected: {', '.join(missing)}")
        points = {name: server.points for name, server in self._servers.items()}
        return Loops(points, repeat)

    async def stop(self) -> None:
        """Send no more steps. What servers are doing they bring to an end."""
        task = self._task
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """Stop and disconnect."""
        await self.stop()
        await asyncio.gather(*(server.close() for server in self._servers.values()))

    # -- the scan

    async def _run(self, loops: Loops) -> None:
        try:
            self._state_changed(State.RUNNING, f"{loops.total} points")
            for name, divider in loops.dividers.items():
                await self._servers[name].set_divider(divider)
            for count in loops.counts():
                await self._point(count, loops.moving(count))
            self._state_changed(State.DONE, f"{loops.total} points done")
        except asyncio.CancelledError:
            self._state_changed(State.STOPPED, f"stopped after {self.done} points")
        except ScanError as ex:
            self._state_changed(State.FAILED, str(ex))
        finally:
            self._task = None

    async def _point(self, count: int, names: list[str]) -> None:
        """Step these servers; those that were lost again when they are back."""
        begun_s = time.monotonic()
        moving = [self._servers[name] for name in names]
        while moving:
            await self._all_running(moving)
            for server in moving:
                server.expect()
            if self._way == "trigger":
                self._publish(str({server.name: count for server in moving}))
            moving = await self._lost(count, moving)
            if moving:
                self._state_changed(State.WAITING, "; ".join(s.trouble for s in moving))
                moving = await self._to_be_sent_again(count, moving)
        now_s = time.monotonic()
        self.point_s = now_s - begun_s
        self.done = count + 1
        if self.state is State.WAITING:
            self._state_changed(State.RUNNING, "going on")
        self._on_change()
        await asyncio.sleep(max(0.0, begun_s + self.period_s - now_s))

    async def _all_running(self, servers: list[Server]) -> None:
        down = [server.name for server in servers if not server.is_running]
        if down:
            self._state_changed(State.WAITING, f"not RUNNING: {', '.join(down)}")
            await asyncio.gather(*(server.wait_until_running() for server in servers))

    async def _lost(self, count: int, servers: list[Server]) -> list[Server]:
        """Attempt the step with each; return those that lost it. Raises ScanError."""
        attempts = (server.attempt(count, self._way) for server in servers)
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [s for s, is_done in zip(servers, outcomes, strict=True) if not is_done]

    async def _to_be_sent_again(self, count: int, lost: list[Server]) -> list[Server]:
        """When their workers are RUNNING again: those that had not done it before."""
        await asyncio.gather(*(server.wait_until_running() for server in lost))
        done = await asyncio.gather(*(server.has_done(count) for server in lost))
        again = [s for s, had_done in zip(lost, done, strict=True) if not had_done]
        self.resent += len(again)
        for server in again:
            log.info("%s: sending %d again", server.name, count)
        return again

    def _state_changed(self, state: State, status: str) -> None:
        self.state, self.status = state, status
        log.info("%s: %s", state.name, status)
        self._on_change()
