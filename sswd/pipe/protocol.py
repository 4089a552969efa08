"""The messages between IOC and worker, and the version both must speak.

Down (imperatives): Restore and Execute on the cmd pipe; Begin, Grant, Free, Cancel,
Stop, Input on the ctl pipe.
Up (facts): Loaded, Ready, Finished, Post, Pulse, Log, Failed, Declare, Properties,
InputsTaken on the up socketpair.
No message carries a run number: the bridge of a run stamps what it brings.
"""

import signal
from enum import StrEnum
from typing import Any

import msgspec

from sswd.alarm import Alarm

PROTOCOL = 2

STACKS = signal.SIGRTMIN + 4
"""Has a worker dump the stacks of all its threads to stderr, whatever it does. A
real-time signal, because drivers' libraries use the ordinary ones."""
CTL_MESSAGE_BYTES = 512
"""No ctl message is longer, so that a ctl pipe always takes a whole one (PIPE_BUF)."""


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Base of everything that crosses a pipe."""


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """What went wrong in the worker, as text: exceptions are never pickled."""

    kind: str
    """Name of the exception class."""
    message: str
    traceback: str = ""


class Rung(StrEnum):
    """The steps of ending a command, mildest first; the worker does the first two."""

    FLAG = "flag"
    """Set `aborted`, call System.abort() in a thread of its own."""
    EXCEPTION = "exception"
    """Raise Aborted in the worker's main thread."""
    TERM = "SIGTERM"
    KILL = "SIGKILL"


class Update(msgspec.Struct, frozen=True, array_like=True):
    """One value on its way to a PV, or only a change of its alarm."""

    pv: str
    value: Any
    stamp_s: float
    """Of the sample, in s since 1970; 0: when it is published."""
    alarm: Alarm | None = None
    """What the driver says of it; None: nothing, so it is good as far as it knows."""
    keeps_value: bool = False
    """Only the alarm changes; `value` is None and means nothing."""


# Down


class Execute(Message, frozen=True):
    """Run one command."""

    id: int
    pv: str
    value: Any


class Restore(Message, frozen=True):
    """Last values of the PVs that the class wants back; the first thing on cmd."""

    values: dict[str, Any]


class Begin(Message, frozen=True):
    """Construct the system now (a standby waits for this).

    `slots`: whether the shared memory that came with the process may be used.
    """

    slots: bool = True


class Grant(Message, frozen=True):
    """Return credits: so many more Post messages may be sent."""

    credits: int


class Free(Message, frozen=True):
    """These slots of the shared memory may be written again."""

    slots: list[int]


class Cancel(Message, frozen=True):
    """End command `id` by the means of `rung`; also if it has not arrived yet."""

    id: int
    rung: Rung


class Stop(Message, frozen=True):
    """Close the system when the command has ended, then exit."""


class Input(Message, frozen=True):
    """The newest value of an input. At most one of each input is on its way."""

    name: str
    value: float | int | str | None
    """None: there has been none yet."""
    alarm: Alarm
    stamp_s: float
    """Of the value, in s since 1970; 0: there is none."""


# Up


class Loaded(Message, frozen=True):
    """The system's module is imported; its class is not constructed yet."""

    protocol: int
    pvs: dict[str, Any]
    """PVs that the class declares, with the keys of the configuration."""
    verbs: list[Any]
    """Signatures of the class's command verbs, as plain data."""
    restored: list[str] = []
    """PVs whose last values the class wants back in a new run."""
    warnings: list[str] = []
    """What its source gives cause for, where the spec asked to inspect it."""
    in_order: list[str] = []
    """PVs whose every post is published, and is an event."""


class Ready(Message, frozen=True):
    """The system is constructed and set up: RUNNING."""


class Post(Message, frozen=True):
    """Values for PVs, in order. Costs one credit (see outbox.py for large arrays)."""

    updates: list[Update]


class Finished(Message, frozen=True):
    """Command `id` has ended; `posts` are what was unsent. Costs no credit.

    `failure` has the kind "Aborted" when the command had been asked to end and raised
    nothing else, also when it never began.
    """

    id: int
    failure: Failure | None
    posts: list[Update]


class Pulse(Message, frozen=True):
    """The worker's threads get to run."""


class Log(Message, frozen=True):
    """One record of the worker's logging."""

    level: int
    logger: str
    message: str
    trace: str = ""


class Failed(Message, frozen=True):
    """Import, constructor or setup failed (`doing` says which); the worker exits."""

    doing: str
    failure: Failure


class Declare(Message, frozen=True):
    """The system knows of more PVs, now that it is connected."""

    pvs: dict[str, Any]
    """With the keys of the configuration."""


class Properties(Message, frozen=True):
    """What clients see of a PV beside its value has changed; None: that has not."""

    pv: str
    limits: tuple[float, float] | None = None
    units: str | None = None
    strings: list[str] | None = None


class InputsTaken(Message, frozen=True):
    """The worker has taken the newest values of these inputs; the next may come."""

    names: list[str]


Down = Execute | Restore | Begin | Grant | Free | Cancel | Stop | Input
Up = (
    Loaded
    | Ready
    | Post
    | Finished
    | Pulse
    | Log
    | Failed
    | Declare
    | Properties
    | InputsTaken
)


class Slots(msgspec.Struct, frozen=True):
    """The slots of one PV in the shared memory: `count` of `size` bytes each.

    They have the numbers `first`, `first + 1`, ... and begin at `offset` bytes.
    """

    first: int
    offset: int
    size: int
    count: int


class WorkerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told at birth."""

    name: str
    target: str
    """ "package.module:Class", imported in the worker only."""
    args: dict[str, Any] = {}
    folder: str = ""
    """Put first on sys.path: the folder of the configuration file."""
    pulse_s: float = 0.5
    outbox: int = 64
    """Updates kept in order before posts of one PV conflate."""
    credits: int = 8
    inspect: bool = False
    """Only to be looked at, by `sswd check`."""
    slots: dict[str, Slots] = {}
    """PVs with slots in the shared memory that came with the pipes; else there is none.
    """
    readbacks: list[str] = []
    """PVs of the configuration that have a readback, `NAME_RBV`."""
    inputs: list[str] = []
    """Names of the inputs that the system has."""
