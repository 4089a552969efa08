"""Who puts, and what is known of the put: for who is told of it, and for the record.

Each put is a task of its own, so a context variable is its own. Loop thread only, until
a note is handed to its listener.
"""

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

import caproto

from sswd.errors import (
    CommandAborted,
    CommandFailed,
    CommandLost,
    CommandRejected,
    CommandTimeout,
)

CHARACTERS = 400
"""Of a text that is noted."""
LOCAL = "local"
"""The address of who puts through the control socket."""


@dataclass(slots=True)
class PutNote:
    """One put, from its arrival to its end."""

    pv: str
    address: str
    """Where the client really is."""
    host: str
    user: str
    """Who it says that it is."""
    at_s: float
    """When it came, in s since 1970."""
    new: object
    old: object
    """A number, a text, or a list of what an array begins with."""
    new_size: int | None = None
    old_size: int | None = None
    """Elements of an array; None of a scalar."""
    command: int | None = None
    """The id of the command that it became."""
    fate: str = ""
    words: str = ""
    """Why it did not succeed."""
    came_s: float = field(default_factory=time.monotonic)
    took_s: float = 0.0

    def ended(self, fate: str, words: str) -> None:
        """How the put ended."""
        self.fate, self.words = fate, words[:CHARACTERS]
        self.took_s = time.monotonic() - self.came_s


PutListener = Callable[[PutNote], None]
"""Takes each put that has ended; must not block."""

_WHO: ContextVar[str] = ContextVar("who", default="")
_NOTE: ContextVar[PutNote | None] = ContextVar("note", default=None)


def put_begins(who: str, note: PutNote | None) -> None:
    """From now on this task performs a put of `who`, "user@host" as the client names
    itself. None: nobody keeps a record."""
    _WHO.set(who)
    _NOTE.set(note)


def who_puts() -> str:
    """Who puts what is being performed now; empty: nobody puts, the IOC acts."""
    return _WHO.get()


def note_command(command_id: int) -> None:
    """The put that is being performed became a command."""
    note = _NOTE.get()
    if note is not None:
        note.command = command_id


_FATES = {
    CommandFailed: "FAILED",
    CommandTimeout: "TIMEOUT",
    CommandAborted: "ABORTED",
    CommandLost: "LOST",
    CommandRejected: "REJECTED",
    caproto.Forbidden: "DENIED",
    asyncio.CancelledError: "LOST",
}


def fate_of(error: BaseException | None) -> tuple[str, str]:
    """(fate, words) of a put whose putter has ended: a command's state, DENIED, or
    REFUSED for what never became a command."""
    if error is None:
        return "DONE", ""
    return _FATES.get(type(error), "REFUSED"), str(error) or type(error).__name__
