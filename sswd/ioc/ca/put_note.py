"""Who puts, and what is known of the put: for who is told of it, and for the record.

Each put is a task of its own, so a context variable is its own. Loop thread only, until
a note is handed to its listener.
"""

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

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


class Client(Protocol):
    """Who asks: a circuit, or somebody at the control socket."""

    host: str | None
    """What the client calls its host."""
    user: str | None
    address: tuple[str, int]


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
    """Elements of an array, bytes of a new text that is cut; None of all else."""
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

_CLIENT: ContextVar[Client | None] = ContextVar("client", default=None)
_NOTE: ContextVar[PutNote | None] = ContextVar("note", default=None)


def put_begins(client: Client, note: PutNote | None) -> None:
    """From now on this task performs a put of `client`. No note: nobody keeps a
    record."""
    _CLIENT.set(client)
    _NOTE.set(note)


def putting_client() -> Client | None:
    """Whose put is being performed now; None: the IOC acts."""
    return _CLIENT.get()


def who_puts() -> str:
    """Who puts what is being performed now, "user@host" as the client names itself;
    empty: nobody puts, the IOC acts."""
    client = _CLIENT.get()
    return f"{client.user}@{client.host}" if client is not None else ""


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
