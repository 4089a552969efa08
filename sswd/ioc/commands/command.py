"""One command: its states, why it may be ended, and what is known of it. Pure."""

import math
from dataclasses import dataclass
from enum import Enum, IntEnum

from sswd.pipe.protocol import Rung


class CommandState(IntEnum):
    """Values of CMD_STATE, in the order of its enum strings."""

    IDLE = 0
    QUEUED = 1
    RUNNING = 2
    DONE = 3
    FAILED = 4
    TIMEOUT = 5
    ABORTED = 6
    LOST = 7
    REJECTED = 8


ENDED = frozenset(CommandState) - {
    CommandState.IDLE,
    CommandState.QUEUED,
    CommandState.RUNNING,
}

NO_FAULT = frozenset({CommandState.REJECTED, CommandState.ABORTED})
"""It never ran, or somebody wanted it to end: nothing is to be mended."""

ORDERLY_S = 2.0
"""The longest dwell on the flag in an orderly stop, which has 3 s for the ladder."""


class Cause(Enum):
    """Why a running command is being ended: fate, words, rungs of its ladder.

    TERM and KILL end the process without its close(); so an orderly stop leaves them
    to the supervisor's own timetable, and is not patient with the flag for longer than
    that timetable has time.
    """

    ABORT = (CommandState.ABORTED, "aborted by a put to ABORT", tuple(Rung))
    DEADLINE = (CommandState.TIMEOUT, "", tuple(Rung))
    RESTART = (
        CommandState.ABORTED,
        "aborted: the worker restarts",
        (Rung.FLAG, Rung.EXCEPTION),
    )
    STOP = (
        CommandState.ABORTED,
        "aborted: the worker was told to stop",
        (Rung.FLAG, Rung.EXCEPTION),
    )
    MOTOR_STOP = (
        CommandState.ABORTED,
        "stopped by a put to the motor",
        (Rung.FLAG, Rung.EXCEPTION),
    )
    REPLACED = (
        CommandState.ABORTED,
        "stopped: the motor has a newer target",
        (Rung.FLAG, Rung.EXCEPTION),
    )
    SHUTDOWN = (
        CommandState.ABORTED,
        "aborted: the IOC shuts down",
        (Rung.FLAG, Rung.EXCEPTION),
    )

    def __init__(self, fate: CommandState, words: str, rungs: tuple[Rung, ...]) -> None:
        self.fate = fate
        self.words = words
        self.rungs = rungs
        self.patience_s = math.inf if Rung.KILL in rungs else ORDERLY_S

    def yields_to(self, other: "Cause") -> bool:
        """Whether a command that is being ended for this may be ended for `other`."""
        mild = (Cause.MOTOR_STOP, Cause.REPLACED)
        return self in mild and other not in mild


@dataclass(eq=False)
class Command:
    """One put to a forwarded PV, from acceptance to its end. Times are monotonic."""

    id: int
    pv: str
    value: object
    timeout_s: float | None = None
    state: CommandState = CommandState.QUEUED
    error: str = ""
    who: str = ""
    """ "user@host" of the client that put it; empty: it came from within the IOC."""
    at: float = 0.0
    """When it came, in seconds since 1970."""
    came_s: float = 0.0
    traceback: str = ""
    """What the system raised, as Python prints it; empty when it raised nothing."""
    started_s: float | None = None
    ended_s: float | None = None
    cause: Cause | None = None
    rung: int = 0
    rung_due_s: float | None = None

    def ran_s(self, now_s: float) -> float:
        """For how long it has run, or ran; 0 when it never did."""
        if self.started_s is None:
            return 0.0
        return (now_s if self.ended_s is None else self.ended_s) - self.started_s
