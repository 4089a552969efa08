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
NO_ANSWER = "does not answer"


class Space(NamedTuple):
    """MB that this user may still write, and of the whole disk."""

    free_mb: float
    size_mb: float


class DiskSpace:
    """The free space where a directory is, or will be made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.get_running_loop()
        self._answer: tuple[float, Space | str] = (-FRESH_S, NO_ANSWER)
        self._asked: asyncio.Future[None] | None = None

    async def space(self) -> Space | str:
        """What is left; or why that is not known, words for "the disk ..."."""
        if time.monotonic() - self._answer[0] < FRESH_S:
            return self._answer[1]
        if self._asked is None:
            thread = threading.Thread(target=self._ask, name="sswd-disk", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # TasksMax; the next one who asks may have one
                return NO_ANSWER
            self._asked = self._loop.create_future()
        try:
            await asyncio.wait_for(asyncio.shield(self._asked), WAIT_S)
        except TimeoutError:
            return NO_ANSWER
        return self._answer[1]

    def _ask(self) -> None:
        space = self._look()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._told, space)

    def _look(self) -> Space | str:
        """Of the directory, or of the first one above that is there already."""
        for folder in (self.folder, *self.folder.parents):
            try:
                found = os.statvfs(folder)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as ex:  # a stale mount: those above are on another disk
                return f"does not say what is left: {ex.strerror}"
            block_mb = found.f_frsize / 1e6
            return Space(found.f_bavail * block_mb, found.f_blocks * block_mb)
        return NO_ANSWER

    def _told(self, space: Space | str) -> None:
        self._answer = time.monotonic(), space
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done():
            asked.set_result(None)


class Disks:
    """The state directory, where post-mortems go, and other directories."""

    def __init__(self, state: Path, others: Mapping[str, Path]) -> None:
        """`others`: by what they hold. One of them may be the state directory."""
        kept: dict[Path, list[str]] = {state.absolute(): ["post-mortems"]}
        for holds, folder in others.items():
            kept.setdefault(folder.absolute(), []).append(holds)
        self._spaces = {DiskSpace(path): ", ".join(all_) for path, all_ in kept.items()}

    async def ask(self) -> list[Disk]:
        """The state directory first."""
        found = await asyncio.gather(*(disk.space() for disk in self._spaces))
        return [
            _told(disk.folder, holds, space)
            for (disk, holds), space in zip(self._spaces.items(), found, strict=True)
        ]


def _told(folder: Path, holds: str, space: Space | str) -> Disk:
    if isinstance(space, str):
        return Disk(folder=str(folder), holds=holds, free=None, error=space)
    free, size = space
    return Disk(folder=str(folder), holds=holds, free=free, size=size)
