"""From which level on the loggers of one system's worker log, at run time.

What was set holds for the runs to come, until the daemon ends.

Threading model: the loop's own.
"""

import logging

from sswd.ioc import ca
from sswd.ioc.process.active_run import ActiveRun
from sswd.ioc.process.run import Run
from sswd.ioc.supervision.worker_pvs import LEVELS, WorkerStatus
from sswd.pipe.protocol import LOGGER_BYTES, LogLevel

log = logging.getLogger("sswd.ioc")
worker_log = logging.getLogger("sswd.worker")

MOST = 100
"""Loggers of one worker with a level of their own."""
ROOT = ""


class LogLevels:
    """The levels that were set for one system."""

    def __init__(self, name: str, status: WorkerStatus, active: ActiveRun) -> None:
        self._name = name
        self._status = status
        self._active = active
        self.set_levels: dict[str, str] = {}
        """Level by logger, "" is the root."""

    def set(self, logger: str, level: str, who: str) -> str:
        """Have a logger of the worker log from this level on. Words: why it cannot be.

        NOTSET: as its parent does; of the root: INFO, as at the start.
        """
        if len(logger.encode()) > LOGGER_BYTES:
            return f"a logger's name has at most {LOGGER_BYTES} bytes"
        if logger not in self.set_levels and len(self.set_levels) >= MOST:
            return f"{MOST} loggers of this worker have levels already"
        if logger == ROOT and level == "NOTSET":
            level = "INFO"
        self.set_levels[logger] = level
        log.info(
            "worker '%s': logger '%s' logs from %s on, by %s",
            *(self._name, logger or "root", level, who),
        )
        if logger == ROOT and level in LEVELS:
            ca.post_if_changed(self._status.LOG_LEVEL, LEVELS.index(level))
        run = self._active.run
        if run is not None and run.loaded is not None:
            self._send(run, logger, level)
        return ""

    def tell(self, run: Run) -> None:
        """A run has imported its class: it has arranged its logging."""
        for logger, level in self.set_levels.items():
            self._send(run, logger, level)

    def _send(self, run: Run, logger: str, level: str) -> None:
        number = logging.getLevelNamesMapping()[level]
        if 0 < number < worker_log.getEffectiveLevel():
            worker_log.setLevel(number)  # else the IOC itself would drop them
        run.order(LogLevel(logger, number))
