"""What a system's PVs with `restore` hold, and what clients set of its motors, is on
disk within a second of a change.

The loop looks every LOOK_S what has changed and hands all values to the thread that
writes. Values of PVs that are not served now stay in the file: their class may be the
one that does not load today.

Threading model: the loop's own.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path

from sswd.alarm import NO_ALARM, Alarm, Severity, Status
from sswd.errors import NotOursError
from sswd.ioc import ca
from sswd.ioc.commands.dispatcher import fitting
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.state.format import Saved, is_same
from sswd.ioc.state.generations import Generations
from sswd.ioc.state.writer import StateWriter

log = logging.getLogger("sswd.ioc")

LOOK_S = 0.4
RETRY_S = 5.0
"""After a write that failed."""
LAST_S = 0.3
"""How long the end of the IOC waits for the disk, however late it is."""


class StateSaver:
    """Saves the PVs of one system; nothing is read or written before the first one."""

    def __init__(
        self,
        name: str,
        folder: Path,
        stem: str,
        publisher: Publisher,
        error_pv: Channel,
    ) -> None:
        """`stem` begins the files' names in `folder`. `error_pv` tells why nothing can
        be saved."""
        self.system = name
        self._publisher = publisher
        self._error_pv = error_pv
        self._loop = asyncio.get_running_loop()
        self._generations = Generations(folder, stem)
        self._writer = StateWriter(self._generations, self._wrote)
        self._values: dict[str, Saved] | None = None
        self._seen: dict[str, object] = {}
        """What each PV had when it was looked at last."""
        self._sources: dict[str, Callable[[], object]] = {}
        """What each has now."""
        self._is_dirty = False
        self._not_before_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._words = ""
        self.found_words = ""
        """What was wrong with the files at the start."""

    def found(self, pv: str) -> Saved | None:
        """What the files have of a PV."""
        if self._values is None:
            with contextlib.suppress(OSError, NotOursError):  # the first write tells
                self._generations.claim()
            self._values, self.found_words = self._generations.read()
            if self.found_words:
                log.error("system '%s': state: %s", self.system, self.found_words)
            self._timer = self._loop.call_later(LOOK_S, self._look)
        return self._values.get(pv)

    def watch(self, pv: str, *, shown: bool) -> None:
        """Save the changes of this PV from now on: of the value that it shows, or of
        the last accepted put. What it has now is not worth to be saved."""
        self.follow(pv, functools.partial(self._shown if shown else self._put, pv))

    def follow(self, name: str, current: Callable[[], object]) -> None:
        """Save what `current` gives under this name when it has changed."""
        self._sources[name] = current
        self._seen[name] = current()

    def save(self) -> None:
        """Begin to save what has changed, now."""
        self._note_changes()
        if self._is_dirty and self._values is not None and self._is_idle.is_set():
            self._is_dirty = False
            self._is_idle.clear()
            self._writer.write(dict(self._values))

    async def close(self, until_s: float) -> None:
        """Save what has changed, and wait for the disk until `until_s` (monotonic)."""
        if self._timer is None:
            return
        self._timer.cancel()
        wait_s = max(until_s - time.monotonic(), LAST_S)
        try:
            async with asyncio.timeout(wait_s):
                await self._is_idle.wait()
                self.save()
                await self._is_idle.wait()
            self._generations.close()
        except TimeoutError:
            log.error(
                "system '%s': state: %s does not take the last changes in time",
                self.system,
                self._generations.folder,
            )

    # -- inside

    def _look(self) -> None:
        self._timer = self._loop.call_later(LOOK_S, self._look)
        if time.monotonic() >= self._not_before_s:
            self.save()

    def _note_changes(self) -> None:
        assert self._values is not None or not self._seen
        for pv, seen in self._seen.items():
            value = self._sources[pv]()
            if value is not seen and self._values is not None:
                self._seen[pv] = value
                if not is_same(value, seen):
                    self._values[pv] = Saved(value, time.time())
                    self._is_dirty = True

    def _shown(self, pv: str) -> object:
        return self._publisher.values_of([pv]).get(pv)

    def _put(self, pv: str) -> object:
        return self._publisher.setpoints.get(pv)  # None before the first put

    def _wrote(self, words: str) -> None:
        """In the writer's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._written, words)

    def _written(self, words: str) -> None:
        self._is_idle.set()
        if words:
            self._is_dirty = True
            self._not_before_s = time.monotonic() + RETRY_S
        if words == self._words:
            return
        self._words = words
        if words:
            text = f"setpoints cannot be saved: {words}; what was saved before stays"
            alarm = Alarm(Severity.MAJOR, Status.WRITE, text)
            log.error("system '%s': %s (told once)", self.system, text)
        else:
            text, alarm = "", NO_ALARM
            log.info("system '%s': setpoints are saved again", self.system)
        ca.post(self._error_pv, fitting(text, self._error_pv), alarm=alarm)
