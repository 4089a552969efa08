"""What user code raised, as text that can cross the pipe. Pure."""

from sswd.errors import SswdError
from sswd.pipe.protocol import Failure
from sswd.worker.exception_text import message_of, trace_of
from sswd.worker.freeze import sayable

WORDS = 256  # characters of the words of an alarm
MAX_KIND = 200  # characters of the name of an exception class


def failure_of(ex: BaseException) -> Failure:
    """An exception as text. Never raises."""
    kind = sayable(type(ex).__name__[:MAX_KIND])
    message = sayable(message_of(ex))
    if isinstance(ex, SswdError):  # its words say it all
        return Failure(kind, message)
    return Failure(kind, message, sayable(trace_of(ex)))


def words_of(ex: BaseException) -> str:
    """The same in one short line."""
    failure = failure_of(ex)
    words = f"{failure.kind}: {failure.message}" if failure.message else failure.kind
    return " ".join(words.split())[:WORDS]
