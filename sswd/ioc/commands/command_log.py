"""One event of the log for the end of each command; fewer where they come thick."""

import logging
import time

from sswd.ioc.commands.command import Command, CommandState
from sswd.ioc.commands.history import value_words
from sswd.logs import log_with_trace
from sswd.ratelimit import TokenBucket

log = logging.getLogger("sswd.ioc")


def words_of(command: Command) -> str:
    """ "command 41 CMD '[0, 1]'", for logs and post-mortems."""
    return f"command {command.id} {command.pv} {value_words(command.value)}"


class CommandLog:
    """Tells how the commands of one system end."""

    def __init__(self) -> None:
        self._bad = TokenBucket(burst=50, rate_per_s=5.0)
        self._done = TokenBucket(burst=20, rate_per_s=1.0)

    def ended(self, command: Command) -> None:
        """The command has ended."""
        if command.state is CommandState.DONE:
            self._succeeded(command)
        else:
            self._failed(command)

    def _succeeded(self, command: Command) -> None:
        if not log.isEnabledFor(logging.INFO) or not self._done.take():
            return
        ran_s = command.ran_s(time.monotonic())
        kept_back = self._done.collect_kept_back()
        more = f" ({kept_back} more that succeeded are not logged)" if kept_back else ""
        who = f", put by {command.who}" if command.who else ""
        log.info("%s: done in %.3g s%s%s", words_of(command), ran_s, who, more)

    def _failed(self, command: Command) -> None:
        """With the system's traceback if it has one."""
        if not self._bad.take():
            return
        words = f"{words_of(command)}: {command.error}"
        if command.state is CommandState.FAILED:
            words = f"{words_of(command)} failed: {command.error}"
        if kept_back := self._bad.collect_kept_back():
            words += f" ({kept_back} more that did not succeed are not logged)"
        log_with_trace(log, logging.WARNING, command.traceback, "%s", words)
