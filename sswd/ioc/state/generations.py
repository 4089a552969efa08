"""Two generations of one state file on disk, of which the older one is replaced.

A file is written under a third name, synced, and renamed over the older generation, so
at every instant the newer one is untouched: whatever happens to the process, the host
or the disk in between, what was saved before the last change can be read.

Threading model: one thread at a time.
"""

import contextlib
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sswd.directories import make_own, open_own
from sswd.errors import NotOursError
from sswd.ioc.state.format import Saved, Torn, decode, encode

SUFFIXES = (".a.state", ".b.state")
_MAX_BYTES = 2**28


class Found(NamedTuple):
    """What was on disk."""

    values: dict[str, Saved]
    words: str
    """What was wrong with a file, and what was done; empty: nothing was."""


class Generations:
    """The state files of one system."""

    def __init__(self, folder: Path, name: str) -> None:
        """`name` tells systems of one directory apart."""
        self.folder = folder
        self._paths = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
        self._new = folder / f"{name}.new"
        self._lock_path = folder / f"{name}.lock"
        self._lock: int | None = None
        self._serial = 0
        self._next = 0
        self._missed: dict[str, Saved] = {}
        """What `read` could not read, and the first `write` could."""

    def read(self) -> Found:
        """The newest values that can be read. No file at all is no fault."""
        best: tuple[int, dict[str, Saved]] | None = None
        problems = []
        for number, path in enumerate(self._paths):
            try:
                serial, values = decode(_content(path))
            except FileNotFoundError:
                continue
            except (OSError, Torn, NotOursError) as ex:
                problems.append(f"{path}: {ex}")
                continue
            if best is None or serial > best[0]:
                best = serial, values
                self._serial, self._next = serial, 1 - number
        if best is None and problems:
            return Found({}, f"{'; '.join(problems)}; nothing is restored")
        if best is not None and problems:
            then = "; the other generation is taken, its values may be one change old"
            return Found(best[1], problems[0] + then)
        return Found({} if best is None else best[1], "")

    def write(self, values: Mapping[str, Saved]) -> None:
        """Replace the older generation; blocks until the disk has it.

        Raises OSError, NotOursError or TypeError (a value that has no form in the
        file), and leaves both generations as they are then.
        """
        self.claim()
        if self._serial == 0:
            # The disk may have failed for a moment, or was mounted since. A serial that
            # is not above those on it would lose to them at the next start.
            self._missed = self.read().values
        content = encode(self._serial + 1, {**self._missed, **values})
        try:
            fd = open_own(self._new, os.O_WRONLY | os.O_CREAT)
            with os.fdopen(fd, "wb") as file:
                file.truncate()  # now that it is known to be ours
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._new.replace(self._paths[self._next])
        except OSError:
            with contextlib.suppress(OSError):  # a part of it would fill the disk
                self._new.unlink(missing_ok=True)
            raise
        self._serial += 1
        self._next = 1 - self._next
        self._sync_folder()

    def close(self) -> None:
        """Let another process have the files."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def claim(self) -> None:
        """Hold the files until `close`, or as long as this process lives.

        Two daemons would mix their values. They may both have the prefix, in containers
        with a runtime directory each. Raises as `write` does.
        """
        make_own(self.folder)
        if self._lock is not None:
            return
        fd = open_own(self._lock_path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as ex:
            os.close(fd)
            if not isinstance(ex, BlockingIOError):
                raise
            words = f"another daemon saves the same prefix in {self.folder}"
            raise NotOursError(words) from None
        self._lock = fd

    def _sync_folder(self) -> None:
        """The rename is on disk, too."""
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _content(path: Path) -> bytes:
    fd = open_own(path, os.O_RDONLY)
    with os.fdopen(fd, "rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise Torn(f"it has more than {_MAX_BYTES} bytes")
    return content
