"""What a worker is told when it is started: by its configuration, as plain values."""

from typing import Any, Literal

import msgspec

from sswd.pipe.protocol import MAX_ARRAY
from sswd.pipe.surroundings import Surroundings


class Slots(msgspec.Struct, frozen=True):
    """The slots of one PV in the shared memory: `count` of `size` bytes each.

    They have the numbers `first`, `first + 1`, ... and begin at `offset` bytes.
    """

    first: int
    offset: int
    size: int
    count: int


class PvNames(msgspec.Struct, frozen=True):
    """PVs of the configuration that ask something of the system."""

    forwarded: list[str] = []
    """Those whose puts become commands."""
    actions: list[str] = []
    """Those of them whose handler may take no value."""
    readbacks: list[str] = []
    """Those named X_RBV, to which the handler of X may return a value."""


class WrappedPv(msgspec.Struct, frozen=True):
    """A PV of the configuration that a wrapped driver serves."""

    attribute: str = ""
    """Of the driver; empty where the PV's name says it."""
    type: str = "float"
    strings: list[str] = []
    is_array: bool = False
    is_writable: bool = False
    has_readback: bool = False
    poll_s: float | None = None


class MotorSpec(msgspec.Struct, frozen=True):
    """A motor of the configuration, as the worker needs to know it."""

    object: str
    """Attribute of the system, "self", or "" for the name of the motor."""
    poll_s: float = 0.1
    idle_poll_s: float = 1.0
    is_beside: bool = True
    """Whether the position is read on a thread of its own."""


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
    array_bytes: int = MAX_ARRAY
    """Of the largest array that the PVs hold which the IOC knows at the start."""
    inspect: bool = False
    """Only to be looked at, by `sswd check`."""
    outline: bool = False
    """Only to be looked at, by `sswd init`, which does not know the arguments."""
    pvs: PvNames = PvNames()
    ping_s: float | None = None
    """Time between two calls of `ping`; None: as the class says."""
    link_failures: int | None = None
    """Failures in a row after which LinkState asks for a restart; None: never."""
    wrapped: dict[str, WrappedPv] = {}
    """The PVs of the configuration, where the target is a wrapped driver."""
    ping: str = ""
    """What a wrapped driver is asked every `ping_s`."""
    slots: dict[str, Slots] = {}
    """PVs with slots in the shared memory that came with the pipes; else there is none.
    """
    inputs: list[str] = []
    """Names of the inputs that the system has."""
    surroundings: Surroundings = Surroundings()
    start: Literal["spawn", "fork"] = "spawn"
    """How the IOC starts the process."""
    motors: dict[str, MotorSpec] = {}
    """Objects of the system that are served as motor records, by the record's name."""
