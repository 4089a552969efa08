"""What user code raised, as text that can cross the pipe. Pure."""

import traceback

from sswd.errors import SswdError
from sswd.pipe.protocol import Failure
from sswd.worker.freeze import sayable

MAX_MESSAGE = 4_000  # characters of an exception's words; the rest is cut off
MAX_TRACE = 16_000  # characters of a traceback; its start is cut off
WORDS = 256  # characters of the words of an alarm


def failure_of(ex: BaseException) -> Failure:
    """An exception as text. A broken `__str__` in user code is no excuse to die."""
    try:
        message = str(ex)
    except Exception as broken:  # noqa: BLE001 (firewall around user code)
        message = f"(its message cannot be had: {type(broken).__name__})"
    kind, message = sayable(type(ex).__name__), sayable(message[:MAX_MESSAGE])
    if isinstance(ex, SswdError):  # its words say it all
        return Failure(kind, message)
    trace = "".join(traceback.format_exception(ex, limit=-30))
    return Failure(kind, message, sayable(trace[-MAX_TRACE:]))


def words_of(ex: BaseException) -> str:
    """The same in one short line."""
    failure = failure_of(ex)
    words = f"{failure.kind}: {failure.message}" if failure.message else failure.kind
    return " ".join(words.split())[:WORDS]
