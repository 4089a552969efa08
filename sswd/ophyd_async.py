"""ophyd-async devices for systems; their statuses fail with CMD_ERROR's words.

::

    class Stage(SswdSystem):
        def __init__(self, prefix, name=""):
            self.target = SswdSetpoint(float, prefix, "TARGET", readback="POSITION")
            self.home = SswdAction(prefix, "HOME")
            super().__init__(prefix, name)

    async with init_devices():
        stage = Stage("LAB:STAGE:")
    RE(scan([detector], stage.target, 0, 10, 11))

Needs ophyd-async with aioca: `pip install "sswd[ophyd-async]"`.

Threading model: all in the event loop of the RunEngine.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from aioca import DBR_CHAR_STR, caget, caput
from bluesky.protocols import Flyable, Movable, Stoppable, Triggerable
from event_model import DataKey
from ophyd_async.core import (
    Array1D,
    AsyncStatus,
    SignalDatatypeT,
    StandardReadable,
)
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.epics.core import epics_signal_r

from sswd.errors import CommandError

_WAIT_S = 10.0


async def put(system: str, pv: str, value: Any) -> None:
    """Put to `pv` of the system with the prefix `system` and wait for the end.

    Raises CommandError with CMD_ERROR's words when the command has failed, was
    refused, aborted, or lost with its worker.
    """
    if isinstance(value, str):
        value = np.frombuffer(value.encode() + b"\0", dtype=np.uint8)
    result = await caput(f"{system}{pv}", value, wait=True, timeout=None, throw=False)
    if not result.ok:
        error = f"{system}CMD_ERROR"
        words = await caget(error, datatype=DBR_CHAR_STR, timeout=_WAIT_S, throw=False)
        text = str(words) if words.ok else ""
        raise CommandError(f"{system}{pv}: {text or result}")


async def abort(system: str) -> None:
    """End the command that runs, and reject those that wait."""
    await caput(f"{system}ABORT", 1, timeout=_WAIT_S)


class SswdSetpoint(StandardReadable, Movable[SignalDatatypeT], Stoppable):
    """Put at `pv`, read at `readback`, else at `pv` as well; `stop` aborts."""

    def __init__(
        self,
        datatype: type[SignalDatatypeT],
        prefix: str,
        pv: str,
        *,
        readback: str = "",
        name: str = "",
    ) -> None:
        self._place = prefix, pv
        with self.add_children_as_readables(Format.HINTED_SIGNAL):
            self.readback = epics_signal_r(datatype, f"ca://{prefix}{readback or pv}")
        super().__init__(name)

    def set_name(self, name: str, *, child_name_separator: str | None = None) -> None:
        """Have the readback called as the device is."""
        super().set_name(name, child_name_separator=child_name_separator)
        self.readback.set_name(name)

    @AsyncStatus.wrap
    async def set(self, value: SignalDatatypeT) -> None:
        """Put; ends when the command has ended. CommandError as `put`."""
        await put(*self._place, value)

    async def stop(self, success: bool = True) -> None:
        """Abort the command that runs."""
        del success
        await abort(self._place[0])


class SswdAction(StandardReadable, Triggerable):
    """A button: `trigger` runs it."""

    def __init__(self, prefix: str, pv: str, *, name: str = "") -> None:
        self._place = prefix, pv
        super().__init__(name)

    @AsyncStatus.wrap
    async def trigger(self) -> None:
        """Run it. CommandError as `put`."""
        await put(*self._place, 1)


class SswdSystem(StandardReadable, Movable[str], Stoppable):
    """What every system has. `set(text)` puts CMD, `stop` aborts."""

    def __init__(self, prefix: str, name: str = "") -> None:
        self.prefix = prefix
        ca = f"ca://{prefix}"
        with self.add_children_as_readables():
            self.values = epics_signal_r(Array1D[np.float64], f"{ca}values")
        self.ack = epics_signal_r(str, f"{ca}ACK")
        self.progress = epics_signal_r(float, f"{ca}PROGRESS")
        super().__init__(name)

    @AsyncStatus.wrap
    async def set(self, value: str) -> None:
        """Put a text to CMD; ends with the command. CommandError as `put`."""
        await put(self.prefix, "CMD", value)

    async def stop(self, success: bool = True) -> None:
        """Abort the command that runs, and reject those that wait."""
        del success
        await abort(self.prefix)


class SswdSequence(SswdSystem, Flyable):
    """A SequenceSystem as a flyer: load a trajectory with `set`, then fly it."""

    def __init__(self, prefix: str, name: str = "") -> None:
        self.val = epics_signal_r(float, f"ca://{prefix}VAL")
        self._flight: asyncio.Task[None] | None = None
        self._seen: list[tuple[float, float]] = []
        super().__init__(prefix, name)

    @AsyncStatus.wrap
    async def kickoff(self) -> None:
        """Begin to put INDEX 0, 1, ... to the last point of the trajectory."""
        points = await self.values.get_value()
        if len(points) == 0 or np.isnan(points).all():
            raise CommandError(f"{self.prefix}: no trajectory is loaded")
        self._seen = []
        self._flight = asyncio.create_task(self._fly(len(points)))

    @AsyncStatus.wrap
    async def complete(self) -> None:
        """The end of the flight; CommandError of the step that failed."""
        if self._flight is None:
            raise CommandError(f"{self.prefix}: kickoff comes before complete")
        await self._flight

    async def describe_collect(self) -> dict[str, dict[str, DataKey]]:
        """One stream, with VAL."""
        return {self.name: await self.val.describe()}

    async def collect(self) -> AsyncIterator[dict[str, Any]]:
        """One event for each step that succeeded."""
        for value, stamp_s in self._seen:
            yield {
                "data": {self.val.name: value},
                "timestamps": {self.val.name: stamp_s},
                "time": stamp_s,
            }

    async def _fly(self, points: int) -> None:
        for count in range(points):
            await put(self.prefix, "INDEX", count)
            self._seen.append((await self.val.get_value(), time.time()))


__all__ = [
    "SswdAction",
    "SswdSequence",
    "SswdSetpoint",
    "SswdSystem",
    "abort",
    "put",
]
