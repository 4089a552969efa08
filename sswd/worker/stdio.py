"""stdout, stderr and logging of the worker, on their way into the IOC's log."""

import faulthandler
import logging
import os
import sys
from collections.abc import Callable

from sswd.pipe.protocol import STACKS, STACKS_AT_ONCE, Log
from sswd.stacks import tell_stack_at_once, tell_stacks
from sswd.worker.exception_text import message_of, repr_of, trace_of
from sswd.worker.forks import is_child, write_line
from sswd.worker.freeze import sayable
from sswd.worker.log import Tell, log

MAX_TEXT = 16_000  # characters of one log record
MAX_NAME = 200  # characters of a logger's name
MAX_LEVEL = 1000


def redirect(stdio: int) -> int:
    """Make `stdio` our stdout and stderr, also for C code and for faulthandler.

    Returns the descriptor of faulthandler's words.
    """
    os.dup2(stdio, 1)
    os.dup2(stdio, 2)
    take_streams(stdio)
    stacks = os.dup(2)  # a copy: drivers close fd 2
    if sys.version_info >= (3, 14):
        # Its C stack would push the words of the crash out of the lines that the IOC
        # keeps, and the C library may allocate memory, that is hang, to find it.
        faulthandler.enable(file=stacks, c_stack=False)
    else:
        faulthandler.enable(file=stacks)
    tell_stacks(STACKS, stacks)
    tell_stack_at_once(STACKS_AT_ONCE, stacks)
    return stacks


def take_streams(spare: int) -> None:
    """Make sys.stdout and sys.stderr ours, whatever a driver has put there.

    `spare` stands in for a descriptor that the driver has closed.
    """
    for fd in (1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.dup2(spare, fd)
    sys.stdout, sys.stderr = (
        open(fd, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        for fd in (1, 2)
    )


class IocHandler(logging.Handler):
    """Sends log records to the IOC; which threads log does not matter."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        trace = trace_of(record.exc_info[1]) if record.exc_info else ""
        self._tell(record.levelno, record.name, _message_of(record), trace)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except BaseException as ex:  # noqa: BLE001 (wrong arguments, their own __str__)
        return (
            f"{repr_of(record.msg)} with unfit arguments "
            f"({type(ex).__name__}: {message_of(ex)})"
        )


def log_to_ioc(note: Callable[[Log], None], level: int = logging.INFO) -> None:
    """Send the records of every logger in this process to the IOC, and our own words.

    What a driver does to the logging module reaches its own records only.
    """

    def tell(levelno: int, name: str, message: str, trace: str) -> None:
        if is_child():
            write_line(f"{logging.getLevelName(levelno)} {name}: {message}\n{trace}")
            return
        texts = (name[:MAX_NAME], message[:MAX_TEXT], trace[-MAX_TEXT:])
        note(Log(min(max(int(levelno), 0), MAX_LEVEL), *map(sayable, texts)))

    log.keep_to(tell)
    root = logging.getLogger()
    root.handlers = [IocHandler(tell)]
    root.setLevel(level)
    logging.raiseExceptions = False
    logging.captureWarnings(True)
