"""Keys of one system, `[system.NAME]`, and of the whole file."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from sswd.config.keys.access import AccessConfig
from sswd.config.keys.bounds import Seconds
from sswd.config.keys.limits import LimitsConfig
from sswd.config.keys.log import AuditConfig, LogConfig
from sswd.config.keys.motor import MotorConfig
from sswd.config.keys.outside import MetricsConfig, RecsyncConfig
from sswd.config.keys.policies import CommandConfig, RestartConfig, TriggerConfig
from sswd.config.keys.pv import PvConfig
from sswd.config.keys.state import StateConfig


class SystemConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One system: the class that a worker runs, its PVs and its policies."""

    target: Annotated[
        str,
        Meta(
            description='"package.module:Class"; imported in the worker, never in the '
            "IOC; found from the folder of the TOML file first. A driver that is no "
            "system: pymeasure:, qcodes: or object: before it, or "
            '"scpi:FILE.toml"'
        ),
    ]
    enabled: Annotated[
        bool, Meta(description="false: it is checked, and not served")
    ] = True
    hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="hosts that serve it, by name with or without the domain, or "
            'by pattern ("beam-*"); every host unless given'
        ),
    ] = ()
    prefix: Annotated[
        str, Meta(description="follows the top-level prefix in every PV name")
    ] = ""
    asg: Annotated[
        str | None,
        Meta(
            description="access security group of its PVs; that of [access] unless "
            "given"
        ),
    ] = None
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
            "after a worker died, in a process of its own; and before the first worker "
            "of a daemon that follows one that was killed"
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
    ping: Annotated[
        str,
        Meta(
            description="what a wrapped driver is asked every ping_s: an attribute, or "
            'a text that its `ask` sends, "*IDN?"; nothing unless given'
        ),
    ] = ""
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
    env: Annotated[
        dict[str, str],
        Meta(description="environment variables of the worker, over the daemon's"),
    ] = field(default_factory=dict)
    cwd: Annotated[
        str | None,
        Meta(
            description="directory that the worker runs in, from the folder of the "
            "TOML file unless it begins with /; the daemon's unless given"
        ),
    ] = None
    python: Annotated[
        str | None,
        Meta(
            description="interpreter of the worker, such as that of a venv of its own "
            '("/opt/camera/bin/python"), from the folder of the TOML file unless it '
            "begins with /; the same version of sswd must be installed there; the "
            "daemon's unless given"
        ),
    ] = None
    start: Annotated[
        Literal["spawn", "fork"],
        Meta(
            description="how its workers begin: each as a Python of its own, or as a "
            "fork of one process of the daemon that has imported numpy and sswd "
            "already: less than half of the memory, a fifth of the CPU of a start; "
            "numpy's linear algebra has one thread then"
        ),
    ] = "spawn"
    nice: Annotated[
        Annotated[int, Meta(ge=-20, le=19)] | None,
        Meta(
            description="niceness of the worker, 19 is the lowest priority; the "
            "daemon's unless given, below that needs the right to"
        ),
    ] = None
    cpus: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=4095)], ...],
        Meta(
            description="numbers of the CPUs that the worker may use; all unless given"
        ),
    ] = ()
    memory_max_mb: Annotated[
        Annotated[float, Meta(gt=0, le=1e9)] | None,
        Meta(
            description="a worker whose memory is above this is restarted when it is "
            "idle; no limit unless given"
        ),
    ] = None


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of one sswd daemon."""

    include: Annotated[
        tuple[str, ...],
        Meta(
            description="files or patterns (systems/*.toml), from the folder of this "
            "file; what stands here wins over them, and two of them may not differ"
        ),
    ] = ()
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
    log: Annotated[LogConfig, Meta(description="a file of the log, levels")] = field(
        default_factory=LogConfig
    )
    audit: Annotated[AuditConfig, Meta(description="the record of all puts")] = field(
        default_factory=AuditConfig
    )

    access: Annotated[AccessConfig, Meta(description="who may do what")] = field(
        default_factory=AccessConfig
    )

    state: Annotated[StateConfig, Meta(description="where setpoints are saved")] = (
        field(default_factory=StateConfig)
    )
    recsync: Annotated[
        RecsyncConfig, Meta(description="whether ChannelFinder is told the PVs")
    ] = field(default_factory=RecsyncConfig)
    metrics: Annotated[MetricsConfig, Meta(description="statistics for Prometheus")] = (
        field(default_factory=MetricsConfig)
    )

    def prefix_of(self, system: str) -> str:
        """The whole prefix of the PVs of one of the systems."""
        return self.prefix + self.system[system].prefix
