"""Keys of what is told to systems outside EPICS: `[recsync]` and `[metrics]`."""

from typing import Annotated

from msgspec import Meta, Struct, field


class RecsyncConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RecSync: a RecCeiver of the network, and so ChannelFinder, is told the PVs."""

    enabled: Annotated[bool, Meta(description="whether it is told")] = False
    port: Annotated[
        int,
        Meta(
            ge=1,
            le=65535,
            description="UDP port of the RecCeiver's announcements, which other IOCs "
            "of the host share",
        ),
    ] = 5049
    infos: Annotated[
        dict[str, str],
        Meta(
            description="what ChannelFinder shall know of this IOC, such as IOCNAME, "
            "ENGINEER, LOCATION; over the environment's variables of these names"
        ),
    ] = field(default_factory=dict)


class MetricsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Statistics for Prometheus, over HTTP at /metrics."""

    listen: Annotated[
        str | None,
        Meta(
            description='address and port, "127.0.0.1:9117"; whoever reaches it may '
            "read; needs the extra `metrics`; unless given, nothing listens"
        ),
    ] = None
