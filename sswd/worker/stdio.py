"""stdout, stderr and logging of the worker, on their way into the IOC's log."""

import faulthandler
import logging
import os
import sys
import traceback
from collections.abc import Callable

from sswd.pipe.protocol import STACKS, Log
from sswd.stacks import tell_stacks
from sswd.worker.freeze import sayable

MAX_TEXT = 16_000  # characters of one log record
MAX_NAME = 200  # characters of a logger's name
MAX_LEVEL = 1000


def redirect(stdio: int) -> None:
    """Make `stdio` our stdout and stderr, also for C code and for faulthandler."""
    os.dup2(stdio, 1)
    os.dup2(stdio, 2)
    sys.stdout, sys.stderr = (
        open(fd, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        for fd in (1, 2)
    )
    stacks = os.dup(2)  # a copy: drivers close fd 2
    if sys.version_info >= (3, 14):
        # Its C stack would push the words of the crash out of the lines that the IOC
        # keeps, and the C library may allocate memory, that is hang, to find it.
        faulthandler.enable(file=stacks, c_stack=False)
    else:
        faulthandler.enable(file=stacks)
    tell_stacks(STACKS, stacks, at_once=True)


class IocHandler(logging.Handler):
    """Sends log records to the IOC; which threads log does not matter."""

    def __init__(self, note: Callable[[Log], None]) -> None:
        super().__init__()
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception as ex:  # noqa: BLE001 (wrong arguments, or their own __str__)
            message = f"{record.msg!r} with unfit arguments ({type(ex).__name__}: {ex})"
        trace = (
            "".join(traceback.format_exception(*record.exc_info))
            if record.exc_info
            else ""
        )
        texts = (record.name[:MAX_NAME], message[:MAX_TEXT], trace[-MAX_TEXT:])
        level = min(max(record.levelno, 0), MAX_LEVEL)
        self._note(Log(level, *map(sayable, texts)))


def log_to_ioc(note: Callable[[Log], None], level: int = logging.INFO) -> None:
    """Send the records of every logger in this process to the IOC."""
    root = logging.getLogger()
    root.handlers = [IocHandler(note)]
    root.setLevel(level)
    logging.raiseExceptions = False
    logging.captureWarnings(True)
