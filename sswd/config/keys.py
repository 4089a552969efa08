"""The configuration's keys: frozen structs with their types, bounds and defaults.

Every key's one-line description stands here and nowhere else; the JSON Schema and
docs/reference/configuration.md are made from it. What one type cannot say (that
`limits` rise, that an enum has strings) is in rules.py.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from sswd.sizes import CMD_BYTES, DESC_CHARACTERS, STRING_BYTES

PvType = Literal["float", "int", "bool", "enum", "str", "text", "bytes"]
Scalar = bool | int | float | str

# A year is longer than any run; infinity would upset the timers.
Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]

Count = Annotated[int, Meta(ge=1)]
Bytes = Annotated[int, Meta(ge=0)]


class PvConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One PV that the system posts, or that clients write and sswd forwards."""

    type: Annotated[
        PvType,
        Meta(
            description="float, int (32 bits), bool, enum (needs strings), str (EPICS "
            f"string, {STRING_BYTES} bytes), text (long string) or bytes (uint8, for "
            "images)"
        ),
    ]
    value: Annotated[
        Scalar | tuple[Scalar, ...] | None,
        Meta(
            description="initial value; 0, false, the first string or empty unless "
            "given"
        ),
    ] = None
    units: Annotated[
        str,
        Meta(description="engineering units (.EGU); CA metadata carries 7 bytes of it"),
    ] = ""
    precision: Annotated[
        Annotated[int, Meta(ge=0, le=15)] | None,
        Meta(
            description="decimals that displays show of a float (.PREC); 3 unless given"
        ),
    ] = None
    limits: Annotated[
        tuple[float, float] | None,
        Meta(
            description="[low, high] of a float or int; puts outside are REJECTED, "
            "posts are not bound by them"
        ),
    ] = None
    writable: Annotated[
        bool, Meta(description="clients may write; writes are forwarded as commands")
    ] = False
    description: Annotated[
        str,
        Meta(
            description=f"what the PV is; .DESC carries its first {DESC_CHARACTERS} "
            "characters"
        ),
    ] = ""
    strings: Annotated[
        tuple[str, ...],
        Meta(
            description="states of an enum (at most 16 of 25 bytes), or the two of a "
            "bool, which are Off and On unless given"
        ),
    ] = ()
    length: Annotated[
        Annotated[int, Meta(ge=1, le=2**28)] | None,
        Meta(
            description="makes an array of at most so many float, int or str; the "
            f"capacity in bytes of text ({CMD_BYTES} unless given) and bytes (required)"
        ),
    ] = None
    finite: Annotated[
        bool, Meta(description="refuse NaN and infinity, in puts and in posts")
    ] = False
    pending: Annotated[
        Literal["fifo", "latest"],
        Meta(
            description="puts that wait: all of them in order, or a newer one replaces "
            "the older, which ends REJECTED"
        ),
    ] = "fifo"
    timeout_s: Annotated[
        Seconds | None,
        Meta(description="deadline of a put on this PV; the system's unless given"),
    ] = None

    @property
    def is_array(self) -> bool:
        """Whether the PV holds several float, int or str; text and bytes are not."""
        return self.length is not None and self.type not in ("text", "bytes")

    @property
    def capacity(self) -> int:
        """The most elements it holds: of an array, bytes of text and bytes, else 1."""
        if self.type == "text":
            return self.length or CMD_BYTES
        return self.length or 1

    @property
    def states(self) -> tuple[str, ...]:
        """The strings of an enum or a bool; empty for the other types."""
        if self.type == "bool":
            return self.strings or ("Off", "On")
        return self.strings


class RestartConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and how often a worker is started again."""

    delay_s: Annotated[
        Seconds, Meta(description="first delay after a death; doubles each time")
    ] = 0.5
    max_delay_s: Annotated[Seconds, Meta(description="longest delay")] = 30.0
    max_restarts: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="more deaths than this within window_s make the worker FATAL; "
            "no limit unless given"
        ),
    ] = None
    window_s: Annotated[
        Seconds, Meta(description="the time over which max_restarts counts")
    ] = 60.0
    stall_s: Annotated[
        Seconds, Meta(description="a worker that is silent for so long is STALLED")
    ] = 5.0
    on_stall: Annotated[
        Literal["tell", "restart"],
        Meta(
            description="what to do with a stalled worker: show the alarm only, or "
            "restart it too"
        ),
    ] = "tell"
    start_s: Annotated[
        Seconds | None,
        Meta(
            description="longest time of a start (import, constructor, setup); no "
            "limit unless given"
        ),
    ] = None


class CommandConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How commands wait, expire and are aborted."""

    queue: Annotated[
        int, Meta(ge=1, description="commands that may wait; more are REJECTED")
    ] = 64
    timeout_s: Annotated[
        Seconds | None,
        Meta(
            description="longest time of a command, from its start; then it is ended "
            "with TIMEOUT; no limit unless given"
        ),
    ] = None
    on_restart: Annotated[
        Literal["flush", "keep"],
        Meta(
            description="what happens to waiting commands when the worker is lost: "
            "rejected or kept"
        ),
    ] = "flush"
    on_down: Annotated[
        Literal["reject", "queue"],
        Meta(
            description="what happens to puts while no worker is RUNNING: rejected, or "
            "they wait"
        ),
    ] = "reject"
    abort_s: Annotated[
        tuple[
            Annotated[float, Meta(ge=0, le=3600)],
            Annotated[float, Meta(ge=0, le=3600)],
            Annotated[float, Meta(ge=0, le=3600)],
        ],
        Meta(
            description="time that an abort gives to the flag and abort(), to the "
            "exception, and to SIGTERM before SIGKILL"
        ),
    ] = (1.0, 2.0, 2.0)


class TriggerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A PV of another IOC, each new value of which makes the system step."""

    pv: Annotated[str, Meta(description="name of the PV, e.g. MASTER:Nested_Indices")]
    key: Annotated[
        str | None,
        Meta(
            description="name whose count is taken from a text such as {'stage': 3}; "
            "the system's name unless given. A number is for every server"
        ),
    ] = None
    busy: Annotated[
        Literal["missed", "queue"],
        Meta(
            description="a trigger that comes while a command runs: count it as "
            "missed, or let it wait its turn"
        ),
    ] = "missed"
    at_connect: Annotated[
        bool,
        Meta(description="also step on the value that the PV has when it connects"),
    ] = False
    put: Annotated[
        str, Meta(description="the PV of the system that the count is put to")
    ] = "INDEX"
    whole: Annotated[
        bool,
        Meta(
            description="put the whole text instead of the count, for old systems that "
            "look for it themselves"
        ),
    ] = False


class LimitsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What clients may cost the Channel Access server, each and together."""

    connections: Annotated[
        Count,
        Meta(
            description="clients at once, and never more than the file descriptors "
            "allow; beyond, the longest idle one without channels makes "
            "room, else the new one is closed"
        ),
    ] = 4000
    channels: Annotated[
        Count,
        Meta(
            description="channels of one client; a further one is answered "
            "CREATE_CH_FAIL"
        ),
    ] = 20000
    subscriptions: Annotated[
        Count,
        Meta(
            description="monitors of one client; a further one is answered ECA_ALLOCMEM"
        ),
    ] = 20000
    requests_in_flight: Annotated[
        Count,
        Meta(
            description="puts and slow gets of one client, and puts on one PV, that "
            "have not ended; a further one is answered ECA_PUTFAIL or "
            "ECA_GETFAIL"
        ),
    ] = 2000
    requests_per_turn: Annotated[
        Count,
        Meta(
            description="gets of one client (a put counts as 16) served before all "
            "others have a turn"
        ),
    ] = 256
    unsent_bytes: Annotated[
        Count,
        Meta(
            description="bytes of one client that wait in the IOC; above it, its "
            "monitors keep only their newest value, and its further "
            "requests are not read"
        ),
    ] = 262144
    payload_bytes: Annotated[
        Bytes,
        Meta(
            description="largest message of a client; a larger one ends its circuit "
            "with ECA_TOLARGE; 0: EPICS_CA_MAX_ARRAY_BYTES, else 64 MiB"
        ),
    ] = 0
    idle_s: Annotated[
        Seconds,
        Meta(
            description="a client without any channel that sends nothing for so long "
            "is disconnected"
        ),
    ] = 600.0
    stalled_s: Annotated[
        Seconds,
        Meta(
            description="a client that takes none of the bytes waiting for it for so "
            "long is disconnected"
        ),
    ] = 600.0
    stalled_bytes: Annotated[
        Count,
        Meta(
            description="unsent bytes of all stalled clients together; beyond, the "
            "longest stalled one is disconnected"
        ),
    ] = 536870912
    receiving_bytes: Annotated[
        Count,
        Meta(
            description="bytes of unfinished messages of all clients together; beyond, "
            "the client with the most is disconnected"
        ),
    ] = 536870912
    half_open_s: Annotated[
        Seconds,
        Meta(description="a host that answers no TCP keep-alive for so long is gone"),
    ] = 60.0
    reserved_files: Annotated[
        Bytes,
        Meta(
            description="file descriptors that clients never get: a worker's restart "
            "needs some"
        ),
    ] = 32
    log_period_s: Annotated[
        Seconds,
        Meta(
            description="repeats of one kind of log line within this time are counted, "
            "not written"
        ),
    ] = 10.0


class SystemConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One system: the class that a worker runs, its PVs and its policies."""

    target: Annotated[
        str,
        Meta(
            description='"package.module:Class"; imported in the worker, never in the '
            "IOC; found from the folder of the TOML file first"
        ),
    ]
    prefix: Annotated[
        str, Meta(description="follows the top-level prefix in every PV name")
    ] = ""
    args: Annotated[
        dict[str, Any], Meta(description="keyword arguments of the class")
    ] = field(default_factory=dict)
    pvs: Annotated[dict[str, PvConfig], Meta(description="PVs of its own, by name")] = (
        field(default_factory=dict)
    )
    group: Annotated[
        str | None,
        Meta(
            description='"module:Class" of your own caproto PVGroup, imported in the '
            "IOC, that holds a SubGroup(Server)"
        ),
    ] = None
    restart: Annotated[RestartConfig, Meta(description="restart policy")] = field(
        default_factory=RestartConfig
    )
    command: Annotated[CommandConfig, Meta(description="command policy")] = field(
        default_factory=CommandConfig
    )
    trigger: Annotated[
        TriggerConfig | None, Meta(description="step when a timing master says so")
    ] = None
    standby: Annotated[
        bool,
        Meta(description="keep a second worker imported, for a restart within 50 ms"),
    ] = False
    park: Annotated[
        str | None,
        Meta(
            description='"module:function" that puts the hardware into a safe state '
            "after a worker died, in a process of its own"
        ),
    ] = None
    park_s: Annotated[
        Seconds, Meta(description="longest time that the park routine may take")
    ] = 5.0
    outbox: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="updates kept in order while the IOC is busy; beyond that, the "
            "newest of each PV",
        ),
    ] = 64
    memory_max_mb: Annotated[
        Annotated[float, Meta(gt=0, le=1e9)] | None,
        Meta(
            description="a worker whose memory is above this is restarted when it is "
            "idle; no limit unless given"
        ),
    ] = None


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of one sswd daemon."""

    prefix: Annotated[
        str, Meta(description="starts every PV name, IOC statistics included")
    ] = ""
    system: Annotated[
        dict[str, SystemConfig],
        Meta(description="the systems by name, at least one; one worker each"),
    ]

    limits: Annotated[LimitsConfig, Meta(description="what clients may cost")] = field(
        default_factory=LimitsConfig
    )

    def prefix_of(self, system: str) -> str:
        """The whole prefix of the PVs of one of the systems."""
        return self.prefix + self.system[system].prefix
