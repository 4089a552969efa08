"""From which level on the loggers of one system's worker log: as the configuration
says, until another level is set at run time.

What was set holds for the runs to come, until the daemon ends.

Threading model: the loop's own.
"""

import logging
from collections.abc import Mapping

from sswd.control import protocol
from sswd.errors import CommandRejected
from sswd.ioc import ca
from sswd.ioc.process.active_run import ActiveRun
from sswd.ioc.process.run import Run
from sswd.ioc.pvs.longstring import cut_text
from sswd.ioc.supervision.worker_pvs import LEVELS, WorkerStatus
from sswd.pipe.protocol import LOGGER_BYTES, LogLevel
from sswd.sizes import STATUS_BYTES

log = logging.getLogger("sswd.ioc")
worker_log = logging.getLogger("sswd.worker")

MOST = 100
"""Loggers of one worker with a level of their own."""
ROOT = ""
START = "INFO"
"""The root's in a new worker."""
HOW = (
    "put a logger and a level, such as `mylab.stage DEBUG`; "
    f"levels are {', '.join(protocol.LEVELS)}"
)
_IOC = ("sswd", "caproto")
"""Loggers that say nothing in a worker, with all below them."""


def levels_of_workers(configured: Mapping[str, str]) -> dict[str, str]:
    """Those of `[log] levels` that are for workers too: all but the IOC's own. All that
    workers log comes from the logger "sswd.worker": its level is that of their root."""
    found = {
        logger: level
        for logger, level in configured.items()
        if logger != "root" and logger.partition(".")[0] not in _IOC
    }
    if worker_log.name in configured:
        found[ROOT] = configured[worker_log.name]
    return found


class LogLevels:
    """The levels that were set for one system."""

    def __init__(self, name: str, status: WorkerStatus, active: ActiveRun) -> None:
        self._name = name
        self._status = status
        self._active = active
        self.set_levels: dict[str, str] = {}
        """Level by logger, "" is the root."""
        for logger, level in status.levels.items():
            if words := self._put(logger, level):
                log.warning("worker '%s': [log] levels: %r: %s", name, logger, words)

    def put(self, text: str, pv: str) -> None:
        """A client has put "LOGGER LEVEL" at this PV. Raises CommandRejected."""
        logger, _, level = text.strip().rpartition(" ")
        logger, level = logger.strip(), level.upper()
        who = f"{ca.who_puts()} at {pv}"
        if logger and logger.isprintable() and level in protocol.LEVELS:
            words = self.set(ROOT if logger == "root" else logger, level, who)
        else:
            words = HOW
        if words:
            log.warning("worker '%s': rejected: %s, by %s", self._name, words, who)
            raise CommandRejected(f"rejected: {words}")

    def set(self, logger: str, level: str, who: str) -> str:
        """Have a logger of the worker log from this level on. Words: why it cannot be.

        NOTSET: as its parent does; of the root: as at the start.
        """
        if logger == ROOT and level == "NOTSET":
            level = self._status.levels.get(ROOT, START)
        if words := self._put(logger, level):
            return words
        log.info(
            "worker '%s': logger '%s' logs from %s on, by %s",
            *(self._name, logger or "root", level, who),
        )
        run = self._active.run
        if run is not None and run.loaded is not None:
            self._send(run, logger, level)
        return ""

    def _put(self, logger: str, level: str) -> str:
        """Know it for the runs to come. Words: why it cannot be."""
        if len(logger.encode()) > LOGGER_BYTES:
            return f"a logger's name has at most {LOGGER_BYTES} bytes"
        known = logger in self.set_levels or logger == ROOT
        if not known and len(self.set_levels) >= MOST:
            return f"{MOST} loggers of this worker have levels already"
        self.set_levels[logger] = level
        if logger == ROOT and level in LEVELS:
            ca.post_if_changed(self._status.LOG_LEVEL, LEVELS.index(level))
        shown = ", ".join(f"{n or 'root'} {at}" for n, at in self.set_levels.items())
        shown = cut_text(shown.encode(), STATUS_BYTES).decode()
        ca.post_if_changed(self._status.LOG_LEVELS, shown)
        number = logging.getLevelNamesMapping()[level]
        if 0 < number < worker_log.getEffectiveLevel():
            worker_log.setLevel(number)  # else the IOC itself would drop them
        return ""

    def tell(self, run: Run) -> None:
        """A run has imported its class: it has arranged its logging."""
        for logger, level in self.set_levels.items():
            self._send(run, logger, level)

    def _send(self, run: Run, logger: str, level: str) -> None:
        run.order(LogLevel(logger, logging.getLevelNamesMapping()[level]))
