"""Keys of one system, `[system.NAME]`, and of the whole file."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from sswd.config.keys.bounds import Seconds
from sswd.config.keys.limits import LimitsConfig
from sswd.config.keys.motor import MotorConfig
from sswd.config.keys.policies import CommandConfig, RestartConfig, TriggerConfig
from sswd.config.keys.pv import PvConfig


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
    motors: Annotated[
        dict[str, MotorConfig],
        Meta(description="objects of it that are served as EPICS motor records"),
    ] = field(default_factory=dict)
    inputs: Annotated[
        dict[str, str],
        Meta(
            description="PVs of other IOCs or systems that the driver reads, by a name "
            'of its own: beam = "RING:CURRENT" is `self.inputs["beam"]`'
        ),
    ] = field(default_factory=dict)
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
    ping_s: Annotated[
        Seconds | None,
        Meta(
            description="time between two calls of the system's ping(); as the class "
            "says unless given, else 5"
        ),
    ] = None
    on_link_down: Annotated[
        Literal["reject", "wait", "run"] | None,
        Meta(
            description="what happens to puts while the link to the instrument is "
            "LOST: they are rejected, wait, or run all the same; reject for a class "
            "with connect(), else run, unless given"
        ),
    ] = None
    on_link_lost: Annotated[
        Literal["reconnect", "restart"],
        Meta(
            description="what to do about a link that keeps failing: what the class "
            "can do by connect() and no more, or restart the worker, too"
        ),
    ] = "reconnect"
    link_failures: Annotated[
        int,
        Meta(
            ge=1,
            description="failures in a row of one method after which on_link_lost = "
            '"restart" restarts the worker',
        ),
    ] = 3
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
