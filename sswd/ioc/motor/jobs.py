"""What a motor record asks for, and how it is told of the end. Pure."""

from enum import Enum
from typing import NamedTuple


class Job(NamedTuple):
    """One command of the motor: a move, a search for home, a jog, a new position."""

    command: str
    """One of pipe.motor's commands."""
    value: float


class Begin(NamedTuple):
    """Submit this command."""

    job: Job


class Write(NamedTuple):
    """Submit this command beside: it moves nothing. The put waits for it."""

    command: str
    value: float


class Why(Enum):
    """Why a motion is ended before its end."""

    STOP = "stopped"
    REPLACED = "replaced by a newer target"
    PAUSE = "paused"
    """It goes on later."""


class Halt(NamedTuple):
    """End the command that runs or waits."""

    why: Why


class Settled(NamedTuple):
    """What waits for the motion is over. `words` say why it failed; "": it did not."""

    words: str
    is_stopped: bool = False
    """Whether it failed because somebody stopped it."""


Instruction = Begin | Write | Halt | Settled


class End(Enum):
    """How the motor's command ended, as the ledger says."""

    DONE = "done"
    FAILED = "failed"
    """It raised, its time was over, or it was aborted."""
    NEVER_RAN = "rejected"
    LOST = "lost"


class Refused(Exception):
    """A put cannot be obeyed, for the reason in its words."""
