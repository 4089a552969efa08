"""Keys of what clients may cost: `[limits]`."""

from typing import Annotated

from msgspec import Meta, Struct

from sswd.config.keys.bounds import Bytes, Count, Seconds


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
