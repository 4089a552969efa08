"""What is known of a worker's death: PVs, one log line, one JSON file.

The files are in the state directory ($STATE_DIRECTORY as systemd sets it, else
$XDG_STATE_HOME/sswd, else ~/.local/state/sswd), the newest KEPT of each system, for
the eyes of their owner only. A disk
that is full or read-only is logged once and hurts nobody.
"""

import logging
import os
import re
import threading
import time
from collections import deque
from pathlib import Path

import msgspec

from sswd.directories import make_own, open_own, state_directory
from sswd.errors import NotOursError
from sswd.ioc.commands.command import Command
from sswd.ioc.commands.command_log import words_of
from sswd.ioc.process.exit_words import crash_text, exit_words, failed_words
from sswd.ioc.process.run import Run
from sswd.ratelimit import OncePerKey

log = logging.getLogger("sswd.ioc")

KEPT = 20
WAITING = 4
CLOSE_S = 0.3
"""How long the IOC's end waits for a slow disk."""


class Death(msgspec.Struct, kw_only=True, frozen=True):
    """One death of a worker, as written to disk. Times in s, memory in MB."""

    system: str
    run: int
    pid: int
    when: float
    """Seconds since 1970."""
    exit_code: int | None
    words: str
    was_running_s: float
    command: str | None
    command_age_s: float | None
    error: str
    """Failure in import, constructor or setup; crash text of faulthandler."""
    peak_memory_mb: float | None
    output: list[str]
    """Last lines of stdout and stderr."""


def death_of(
    run: Run, exit_code: int | None, tail: list[str], command: Command | None
) -> Death:
    """Put together what is known."""
    now_s = time.monotonic()
    words = exit_words(exit_code, run.killed_for)
    if run.failed is not None:
        words = failed_words(run.failed)
    if command is not None:
        words += f" while running {words_of(command)}"
    error = crash_text(tail)
    if run.failed is not None:
        failure = run.failed.failure
        error = failure.traceback or f"{failure.kind}: {failure.message}"
    return Death(
        system=run.name,
        run=run.number,
        pid=run.pid,
        when=time.time(),
        exit_code=exit_code,
        words=words,
        was_running_s=round(run.ran_s(now_s), 3),
        command=None if command is None else words_of(command),
        command_age_s=None if command is None else round(command.ran_s(now_s), 3),
        error=error,
        peak_memory_mb=run.peak_mb,
        output=tail,
    )


class Archive:
    """Writes deaths of one system; `name` tells systems of one host apart.

    A disk may be slow or hang, and the loop must not: the thread "sswd-archive" writes,
    and ends when nothing is left. At most WAITING deaths wait for it; more are dropped.

    Threading model: the loop's own, but for `_run` and what it calls.
    """

    def __init__(self, name: str) -> None:
        self._stem = re.sub(r"[^\w.-]+", "_", name).strip("_") or "system"
        self._lock = threading.Lock()
        self._waiting: deque[Death] = deque(maxlen=WAITING)
        self._thread: threading.Thread | None = None
        self._failure_logged = OncePerKey(max_keys=1)
        self._folder_logged = OncePerKey(max_keys=1)

    def write(self, death: Death) -> None:
        """Have one file written, and the oldest beyond KEPT removed."""
        with self._lock:
            self._waiting.append(death)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="sswd-archive", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Wait for what is being written, at most CLOSE_S."""
        thread = self._thread
        if thread is not None:
            thread.join(CLOSE_S)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                death = self._waiting.popleft()
            try:
                self._write(death)
            except (OSError, NotOursError) as ex:
                if self._failure_logged.is_new("unwritable"):
                    log.warning(
                        "post-mortems cannot be kept: %s; set STATE_DIRECTORY", ex
                    )

    def _write(self, death: Death) -> None:
        folder = state_directory()
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(death.when))
        path = folder / f"{self._stem}-{stamp}-run{death.run}.json"
        make_own(folder)
        fd = open_own(path, os.O_WRONLY | os.O_CREAT)
        with os.fdopen(fd, "wb") as file:
            file.truncate()  # now that it is known to be ours
            file.write(msgspec.json.format(msgspec.json.encode(death)))
        if self._folder_logged.is_new(str(folder)):
            log.info("what is known of a worker's death is kept in %s", folder)
        mine = folder.glob(f"{self._stem}-{'?' * len(stamp)}-run*.json")
        for old in sorted(mine, key=_age)[KEPT:]:
            old.unlink(missing_ok=True)


def _age(path: Path) -> int:
    return -path.stat().st_mtime_ns
