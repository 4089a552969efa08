"""The messages between IOC and worker, and the version both must speak.

Down (imperatives): Restore and Execute on the cmd pipe; Begin, Grant, Free, Cancel,
Stop, Input, LogLevel on the ctl pipe.
Up (facts): Loaded, Ready, Finished, Post, Pulse, Log, Failed, ReadState, LinkState,
Declare, Properties, InputsTaken, Leaving on the up socketpair.
No message carries a run number: the bridge of a run stamps what it brings.
"""

import signal
from enum import IntEnum, StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sswd.alarm import Alarm
from sswd.pipe.outline import Outline

PROTOCOL = 4

STACKS = signal.SIGRTMIN + 4
"""Has a worker write the stacks of all its threads to stderr, as soon as Python code
may run. A real-time signal, because drivers' libraries use the ordinary ones."""
STACKS_AT_ONCE = signal.SIGRTMIN + 5
"""Has it write the stack of its main thread, from C. One that runs Python code then
may, very rarely, crash: for those that have not answered STACKS."""
CTL_MESSAGE_BYTES = 512
"""No ctl message is longer, so that a ctl pipe always takes a whole one (PIPE_BUF)."""

LOGGER_BYTES = 200
"""Of a logger's name in a LogLevel, which is a ctl message."""
MAX_ARRAY = 1 << 30
"""Bytes of an array in any case."""
MAX_UPDATES = 1_024
"""Of one message. A worker of ours sends a quarter of that."""
MAX_TEXTS = 10_000
"""Elements of a posted list of texts. Lists of numbers travel as arrays."""
MAX_NAMES = 100_000
"""PVs and verbs of a class, so that the IOC says in words that they are too many."""
MAX_TOLD = 20_000
"""PVs of which one message says something; no system has so many."""
MAX_DECLARED = 32
"""PVs of one Declare, so that clients get through between two of them."""
MAX_STRINGS = 64
"""Of an enum; more than any has, so that the IOC says in words what is wrong."""
STAMP_S = 4_000_000_000.0
"""About 2096: EPICS's seconds since 1990 end then."""

# What a decoder lets through. A worker of ours cuts its texts before, to less: what is
# longer comes from a worker that is broken.
Name = Annotated[str, Meta(max_length=64)]
Word = Annotated[str, Meta(max_length=4_096)]
Words = Annotated[str, Meta(max_length=100_000)]
Stamp = Annotated[float, Meta(ge=0, lt=STAMP_S)]


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Base of everything that crosses a pipe."""


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """What went wrong in the worker, as text: exceptions are never pickled."""

    kind: Word
    """Name of the exception class."""
    message: Words
    traceback: Words = ""


class Rung(StrEnum):
    """The steps of ending a command, mildest first; the worker does the first two."""

    FLAG = "flag"
    """Set `aborted`, call System.abort() in a thread of its own."""
    EXCEPTION = "exception"
    """Raise Aborted in the worker's main thread."""
    TERM = "SIGTERM"
    KILL = "SIGKILL"


class LinkPhase(IntEnum):
    """Values of WORKER:LINK, in the order of its enum strings."""

    OK = 0
    FAILING = 1
    """Something failed; it is not known yet whether the link is to blame."""
    LOST = 2
    """`ping` or `connect` failed, or the connection is being made anew."""


class Update(msgspec.Struct, array_like=True):
    """One value on its way to a PV, or only a change of its alarm.

    Not frozen: while it waits in the worker, a newer value can take its place.
    """

    pv: Name
    value: Any
    stamp_s: Stamp
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

    name: Name
    value: float | int | Word | None
    """None: there has been none yet."""
    alarm: Alarm
    stamp_s: float
    """Of the value, in s since 1970; 0: there is none."""


class LogLevel(Message, frozen=True):
    """Have a logger log from this level on."""

    logger: Annotated[str, Meta(max_length=LOGGER_BYTES)]
    """Empty: the root."""
    level: int


# Up


class Loaded(Message, frozen=True):
    """The system's module is imported; its class is not constructed yet."""

    protocol: int
    pvs: Annotated[dict[str, Any], Meta(max_length=MAX_NAMES)]
    """PVs that the class declares, with the keys of the configuration."""
    verbs: Annotated[list[Any], Meta(max_length=MAX_NAMES)]
    """Signatures of the class's command verbs, as plain data."""
    restored: Annotated[list[Word], Meta(max_length=MAX_TOLD)] = []
    """PVs whose last values the class wants back in a new run."""
    warnings: Annotated[list[Words], Meta(max_length=1_000)] = []
    """What its source gives cause for, where the spec asked to inspect it."""
    in_order: Annotated[list[Name], Meta(max_length=MAX_TOLD)] = []
    """PVs whose every post is published, and is an event."""
    has_connect: bool = False
    """Whether the class makes its connection by `connect`, again and again."""
    takes_setpoints: bool = False
    """Whether it waits for Restore, with the last setpoints that were accepted."""
    reads_language: bool = True
    """Whether CMD texts are of the command language; else the class reads them itself.
    """
    outline: Outline | None = None
    """What its source says, where the spec asked for that."""


class Ready(Message, frozen=True):
    """The system is constructed and set up: RUNNING."""


class Post(Message, frozen=True):
    """Values for PVs, in order. Costs one credit (see outbox.py for large arrays)."""

    updates: Annotated[list[Update], Meta(max_length=MAX_UPDATES)]


class Finished(Message, frozen=True):
    """Command `id` has ended; `posts` are what was unsent. Costs no credit.

    `failure` has the kind "Aborted" when the command had been asked to end and raised
    nothing else, also when it never began.
    """

    id: int
    failure: Failure | None
    posts: Annotated[list[Update], Meta(max_length=MAX_UPDATES)]


class Pulse(Message, frozen=True):
    """The worker's threads get to run."""

    conflated: Annotated[int, Meta(ge=0)] = 0
    """Posts of this run that a newer one replaced before they were sent."""


class Log(Message, frozen=True):
    """One record of the worker's logging."""

    level: Annotated[int, Meta(ge=0, le=1000)]
    logger: Word
    message: Words
    trace: Words = ""


class ReadState(Message, frozen=True):
    """What a method that reads values says of them: whether it fails.

    `pvs` are INVALID for the reason in `words`; empty: they are good again, those in
    `posted` with their next post, which follows.
    """

    method: Word
    words: Words
    pvs: Annotated[list[Name], Meta(max_length=MAX_TOLD)]
    posted: Annotated[list[Name], Meta(max_length=MAX_TOLD)] = []


class LinkState(Message, frozen=True):
    """How the system's link to its instrument is; sent when that changes."""

    phase: LinkPhase
    words: Words
    """Which method failed, how, and since when."""
    is_in_doubt: bool = False
    """No value is to be trusted."""
    wants_restart: bool = False
    """Only a new worker helps."""


class Failed(Message, frozen=True):
    """Import, constructor or setup failed (`doing` says which); the worker exits."""

    doing: Word
    failure: Failure


class Declare(Message, frozen=True):
    """The system knows of more PVs, now that it is connected."""

    pvs: Annotated[dict[str, Any], Meta(max_length=MAX_DECLARED)]
    """With the keys of the configuration."""


class Properties(Message, frozen=True):
    """What clients see of a PV beside its value has changed; None: that has not."""

    pv: Name
    limits: tuple[float, float] | None = None
    units: Word | None = None
    strings: Annotated[list[Word], Meta(max_length=MAX_STRINGS)] | None = None


class InputsTaken(Message, frozen=True):
    """The worker has taken the newest values of these inputs; the next may come."""

    names: Annotated[list[Name], Meta(max_length=MAX_TOLD)]


class Leaving(Message, frozen=True):
    """The worker takes no more commands: what runs at the end of Python comes now."""


Down = Execute | Restore | Begin | Grant | Free | Cancel | Stop | Input | LogLevel
Up = (
    Loaded
    | Ready
    | Post
    | Finished
    | Pulse
    | Log
    | Failed
    | ReadState
    | LinkState
    | Declare
    | Properties
    | InputsTaken
    | Leaving
)
