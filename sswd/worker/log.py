"""sswd's own words in a worker, on a way to the IOC that no driver can close.

They do not pass through the logging module. A driver or an SDK that calls dictConfig,
basicConfig(force=True) or logging.disable at its import would silence them there, and a
readback that fails for ever would be told nowhere. One whose record factory or filter
raises would even have the failure of a readback end the worker.

Threading model: any thread, from `keep_to` on.
"""

import logging
import sys
from collections.abc import Callable

from sswd.worker.exception_text import trace_of

NAME = "sswd.worker"
Tell = Callable[[int, str, str, str], None]
"""Takes level, name of the logger, message and traceback."""


def _by_logging(level: int, name: str, message: str, trace: str) -> None:
    """Until the way to the IOC is there, and where there is none."""
    text = f"{message}\n{trace}" if trace else message
    logging.getLogger(name).log(level, "%s", text)


class OwnLog:
    """The methods of a logger that sswd's own code in a worker calls."""

    def __init__(self) -> None:
        self._tell: Tell = _by_logging

    def keep_to(self, tell: Tell) -> None:
        """Hand all words to `tell` from now on."""
        self._tell = tell

    def info(self, text: str, *args: object) -> None:
        """Log `text % args`; likewise the next ones."""
        self._tell(logging.INFO, NAME, text % args, "")

    def warning(self, text: str, *args: object) -> None:
        self._tell(logging.WARNING, NAME, text % args, "")

    def error(
        self, text: str, *args: object, exc_info: BaseException | None = None
    ) -> None:
        self._tell(logging.ERROR, NAME, text % args, trace_of(exc_info))

    def exception(self, text: str, *args: object) -> None:
        """An error with the traceback of the exception that is being handled."""
        self.error(text, *args, exc_info=sys.exc_info()[1])


log = OwnLog()
