"""Keys of files that tell what happened: `[log]` and `[audit]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

_FILE = "; a relative one is in the state directory; unless given, there is none"
_MaxBytes = Annotated[
    int,
    Meta(
        ge=4096,
        description="a file that would become larger is renamed to NAME.1, that one "
        "to NAME.2 and so on, and a new one begun",
    ),
]
_Keep = Annotated[
    int, Meta(ge=1, le=1000, description="how many of the renamed files are kept")
]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class LogConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log, beside standard error, and how much of it."""

    file: Annotated[
        str | None, Meta(description=f"where to write the log, too{_FILE}")
    ] = None
    format: Annotated[
        Literal["text", "json"],
        Meta(description="of the file: text, or one JSON object a line"),
    ] = "text"
    max_bytes: _MaxBytes = 10_000_000
    keep: _Keep = 5
    journal: Annotated[
        bool,
        Meta(description="log to systemd's journal, too, with fields to select by"),
    ] = False
    syslog: Annotated[
        str | None,
        Meta(
            description='log to syslog, too: "/dev/log", or "host:514" or "[::1]:514" '
            "by UDP; unless given, not"
        ),
    ] = None
    levels: Annotated[
        dict[str, Level],
        Meta(
            description="the least level of each logger that is named, such as "
            '"sswd.ioc.ca", or one of a driver, in its worker; of others in the IOC '
            'it is that of --log-level, in workers that of "sswd.worker", else INFO'
        ),
    ] = field(default_factory=dict)


class AuditConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who put what: one JSON object for each put, accepted or refused."""

    file: Annotated[
        str | None, Meta(description=f"where to write the audit log{_FILE}")
    ] = None
    max_bytes: _MaxBytes = 10_000_000
    keep: _Keep = 5
    burst_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="of puts of one client to one PV within this time that end "
            "alike, the first one and a line for the rest (count, min, max) are "
            "written; 0: all",
        ),
    ] = 5.0
