"""How much room is left on the disks where the daemon writes.

A disk may hang (NFS), and the loop must not: a thread asks, and who wants to know waits
for at most WAIT_S. One thread a directory at a time, however often it is asked.

Threading model: the loop's own, but for `_ask`.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sswd.control.status import Disk

WAIT_S = 0.2
FRESH_S = 1.0
"""So long an answer is good enough."""


class Space(NamedTuple):
    """MB that this user may still write, and of the whole disk."""

    free_mb: float
    size_mb: float


class DiskSpace:
    """The free space where a directory is, or will be made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.get_running_loop()
        self._answer: tuple[float, Space | None] = (-FRESH_S, None)
        self._asked: asyncio.Future[None] | None = None

    async def space(self) -> Space | None:
        """What is left; None: the disk does not say in time."""
        if time.monotonic() - self._answer[0] < FRESH_S:
            return self._answer[1]
        if self._asked is None:
            thread = threading.Thread(target=self._ask, name="sswd-disk", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # TasksMax; the next one who asks may have one
                return None
            self._asked = self._loop.create_future()
        try:
            await asyncio.wait_for(asyncio.shield(self._asked), WAIT_S)
        except TimeoutError:
            return None
        return self._answer[1]

    def _ask(self) -> None:
        space = None
        for folder in (self.folder, *self.folder.parents):
            with contextlib.suppress(OSError):
                found = os.statvfs(folder)
                block_mb = found.f_frsize / 1e6
                space = Space(found.f_bavail * block_mb, found.f_blocks * block_mb)
                break
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._told, space)

    def _told(self, space: Space | None) -> None:
        self._answer = time.monotonic(), space
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done():
            asked.set_result(None)


class Disks:
    """The state directory, where post-mortems go, and other directories."""

    def __init__(self, state: Path, others: Mapping[str, Path]) -> None:
        """`others`: by what they hold."""
        self._spaces = {DiskSpace(state): "post-mortems"}
        for folder in dict.fromkeys(path.absolute() for path in others.values()):
            if folder != state.absolute():
                holds = [h for h, path in others.items() if path.absolute() == folder]
                self._spaces[DiskSpace(folder)] = ", ".join(holds)

    async def ask(self) -> list[Disk]:
        """The state directory first."""
        found = await asyncio.gather(*(disk.space() for disk in self._spaces))
        return [
            Disk(
                folder=str(disk.folder),
                holds=holds,
                free=None if space is None else space.free_mb,
                size=None if space is None else space.size_mb,
            )
            for (disk, holds), space in zip(self._spaces.items(), found, strict=True)
        ]
