"""After a daemon was killed, the next one parks the hardware before it touches it.

SIGKILL leaves no time to park: the kernel ends the workers at once, and systemd and
containers end whatever else of us is left. So while a system with a park routine is
served, a file beside its saved setpoints says so. It goes when the system has closed in
order, or was parked. A daemon that finds one first ends what lives still of that
daemon, and runs the routine before its own first worker.

Threading model: main thread. The file is small and written twice in a daemon's life.
"""

import contextlib
import logging
import os
import re
from pathlib import Path

from sswd import guard
from sswd.config.keys import Config
from sswd.directories import file_stem, make_own, open_own, state_directory
from sswd.errors import NotOursError
from sswd.pipe.mark import daemon_mark

log = logging.getLogger("sswd.ioc")

SUFFIX = ".unparked"
_MARK = re.compile(r"\d{1,10}-[0-9a-f]{8}")
"""As daemon_mark() makes it: whoever carries another is never killed."""


class ParkMarks:
    """The marks of one daemon's systems. The prefix locks are held meanwhile."""

    def __init__(self, config: Config, folder: Path) -> None:
        """Look for the marks of a daemon before; nothing is written yet.

        `folder` is that of the configuration.
        """
        directory = config.state.directory
        self._folder = state_directory() if directory is None else folder / directory
        self._paths = {
            name: self._folder / f"{file_stem(config.prefix_of(name))}{SUFFIX}"
            for name, system in config.system.items()
            if system.park is not None
        }
        found = {name: _read(path) for name, path in self._paths.items()}
        self.left = frozenset(name for name, mark in found.items() if mark is not None)
        """Systems whose daemon was killed."""
        if marks := {mark for mark in found.values() if mark}:
            guard.end_left(marks)

    def begin(self) -> None:
        """The workers are about to be started."""
        for name in sorted(self.left):
            log.warning(
                "the daemon that served system '%s' before was killed: its park "
                "routine runs before the worker starts",
                name,
            )
        try:
            if self._paths:
                make_own(self._folder)
            for path in self._paths.values():
                _write(path)
        except (OSError, NotOursError) as ex:
            log.warning(
                "if this daemon is killed, the next one will not know that it has to "
                "park the hardware: %s; set STATE_DIRECTORY",
                ex,
            )

    def in_order(self, name: str) -> None:
        """The system has closed, or was parked."""
        if name in self._paths:
            with contextlib.suppress(OSError):
                self._paths[name].unlink()


def _read(path: Path) -> str | None:
    """The mark of the daemon that wrote the file; "" if it has none, None: no file."""
    try:
        fd = open_own(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except (OSError, NotOursError) as ex:
        log.warning("%s cannot be read: %s", path, ex)
        return None
    with os.fdopen(fd, "rb") as file:
        text = file.read(100).decode(errors="replace").strip()
    return text if _MARK.fullmatch(text) else ""


def _write(path: Path) -> None:
    fd = open_own(path, os.O_WRONLY | os.O_CREAT)
    with os.fdopen(fd, "wb") as file:
        file.truncate()  # now that it is known to be ours
        file.write(f"{daemon_mark()}\n".encode())
        file.flush()
        os.fsync(fd)
