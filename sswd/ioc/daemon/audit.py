"""The audit log: a line in a file for each put, accepted or refused.

Threading model: `put` on the loop, which never waits; one thread, "sswd-audit",
filters, encodes and writes. Overflow policy: 10,000 puts wait (a disk that hangs);
further ones are dropped, counted and told. `trouble` is for any thread.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterator

from sswd.config.keys import AuditConfig
from sswd.ioc.ca import PutNote
from sswd.ioc.daemon.audit_lines import BurstFilter, Merged, line_of
from sswd.log_file import LineFile, place_of, unwatch, watch

log = logging.getLogger("sswd.ioc")

BACKLOG = 10_000
CLOSE_S = 1.0
"""What the end of the daemon grants to the last lines."""
_NOT_THERE = "a put to %s is not in the audit log"


@contextlib.contextmanager
def audit_log(config: AuditConfig) -> "Iterator[Audit | None]":
    """The audit log of a configuration, written until the block ends; None: none."""
    if config.file is None:
        yield None
        return
    file = LineFile(
        place_of(config.file, "audit.file"),
        max_bytes=config.max_bytes,
        keep=config.keep,
        what="the audit log",
    )
    audit = Audit(file, config.burst_s)
    try:
        yield audit
    finally:
        audit.close()


class Audit:
    """Takes puts, writes lines."""

    def __init__(self, file: LineFile, burst_s: float) -> None:
        self._file = file
        self._filter = BurstFilter(burst_s)
        self._notes: queue.Queue[PutNote | None] = queue.Queue(BACKLOG)
        self._dropped = 0
        """Counted on the loop, told by the thread."""
        self._told = 0
        self._thread = threading.Thread(
            target=self._run, name="sswd-audit", daemon=True
        )
        self._thread.start()
        watch(self)

    @property
    def trouble(self) -> str:
        """Why puts are not recorded now, in words; empty: they are. What is wrong with
        the file says the file."""
        if not self._thread.is_alive():
            return "puts are not recorded: the thread of the audit log has ended"
        if dropped := self._dropped - self._told:
            return f"{dropped} puts are not in the audit log: it is too slow"
        return ""

    def put(self, note: PutNote) -> None:
        """One put has ended. Loop thread; never waits."""
        try:
            self._notes.put_nowait(note)
        except queue.Full:
            if self._dropped == self._told:
                log.error("the audit log takes no puts: %d wait already", BACKLOG)
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, for at most CLOSE_S, and end the thread."""
        unwatch(self)
        with contextlib.suppress(queue.Full):
            self._notes.put(None, timeout=CLOSE_S)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while True:
            wait_s = self._filter.wait_s(time.monotonic())
            try:
                note = self._notes.get(timeout=wait_s)
            except queue.Empty:
                self._write(self._filter.due(time.monotonic()))
                continue
            if note is None:
                break
            self._take(note)
            self._tell_dropped()
        self._write(self._filter.flush())
        self._file.close()

    def _take(self, note: PutNote) -> None:
        try:
            due = self._filter.take(note, time.monotonic())
        except Exception:  # a client's values; no put may end the audit log
            log.exception(_NOT_THERE, note.pv)
        else:
            self._write(due)

    def _write(self, puts: list[Merged]) -> None:
        for merged in puts:
            try:
                self._file.write(f"{line_of(merged)}\n")
            except Exception:  # likewise
                log.exception(_NOT_THERE, merged.note.pv)

    def _tell_dropped(self) -> None:
        dropped = self._dropped - self._told
        if dropped:
            self._told += dropped
            log.error("%d puts are not in the audit log: it is too slow", dropped)
