"""What is done about the signs of life of the active worker: told, alarmed, recycled.

Threading model: the loop's own.
"""

import logging
import time
from collections.abc import Callable

from sswd.config.keys import SystemConfig
from sswd.ioc.commands.command import Command
from sswd.ioc.commands.command_log import words_of
from sswd.ioc.process.run import Run
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.supervision.backoff import Ceiling, Size
from sswd.ioc.supervision.lifecycle import Event

log = logging.getLogger("sswd.ioc")

_THEN = {
    Size.TOO_LARGE: "restarting it while it is idle",
    Size.NEVER_FITS: "it needs that from its start, so a restart would not help",
}


class Health:
    """Called by the monitor. RECYCLE is the only event that it feeds."""

    def __init__(
        self,
        name: str,
        config: SystemConfig,
        publisher: Publisher,
        feed: Callable[[Event], None],
    ) -> None:
        self._name = name
        self._restart = config.restart
        self._publisher = publisher
        self._feed = feed
        self._ceiling = Ceiling(config.memory_max_mb)

    def stalled(self, run: Run, command: Command | None) -> None:
        """The worker fell silent while it ran `command`; None: it ran none."""
        words = f"no sign of life for {self._restart.stall_s:g} s"
        self._publisher.stall(True, words)
        log.warning(
            "system '%s': no sign of life from the worker for %g s: its GIL is held, "
            "or it is stopped; %s; PVs are INVALID/TIMEOUT until it answers again",
            self._name,
            self._restart.stall_s,
            _busy_words(command),
        )
        if self._restart.on_stall == "restart":
            run.dump_stacks(at_once=True)
            self._feed(Event.RECYCLE)

    def recovered(self) -> None:
        """It sends again."""
        self._publisher.stall(False)
        log.info("system '%s': the worker answers again", self._name)

    def measured(self, run: Run, memory_mb: float, *, is_idle: bool) -> None:
        """The worker, which is RUNNING, has so much resident memory."""
        ran_s = run.ran_s(time.monotonic())
        size = self._ceiling.judge(
            memory_mb, run=run.number, ran_s=ran_s, is_idle=is_idle
        )
        if size is Size.FITS:
            return
        log.warning(
            "system '%s': the worker has %.0f MB, above memory_max_mb = %g; %s",
            self._name,
            memory_mb,
            self._ceiling.max_mb,
            _THEN[size],
        )
        if size is Size.TOO_LARGE:
            self._feed(Event.RECYCLE)


def _busy_words(command: Command | None) -> str:
    if command is None:
        return "no command ran"
    ran_s = command.ran_s(time.monotonic())
    return f"it was busy with {words_of(command)} for {ran_s:.3g} s"
