"""What one client may cost this server, as data; and the counts that tell it.

Every bound has a written overflow policy: its comment.
"""

import os

import msgspec

MIB = 1 << 20


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the Channel Access server; sizes in bytes, times in seconds."""

    connections: int = 4000
    """Clients at once; a further one is refused (closed) and told in the log."""
    channels: int = 20_000
    """Channels of one client; a further one is answered CREATE_CH_FAIL."""
    subscriptions: int = 20_000
    """Monitors of one client; a further one is answered ECA_ALLOCMEM."""
    puts_in_flight: int = 2_000
    """Puts of one client that have not ended; a further one is answered ECA_PUTFAIL."""
    requests_per_turn: int = 64
    """Requests of one client served before the loop looks at the others again."""
    conflate_bytes: int = 256 << 10
    """Unsent bytes of one client above which a monitor keeps only its newest value."""
    unsent_bytes: int = 64 * MIB
    """Unsent bytes of one client above which no further requests of it are read."""
    payload_bytes: int = 0
    """Largest accepted message; 0 means EPICS_CA_MAX_ARRAY_BYTES, else 64 MiB. A longer
    one closes the circuit."""
    idle_s: float = 600.0
    """A client without any channel that says nothing for so long is closed."""
    half_open_s: float = 60.0
    """A client that does not take what was sent to it for so long, at TCP level, is
    closed; also the keep-alive time of a silent peer."""
    log_period_s: float = 10.0
    """Repeats of one kind of log line within this time are counted, not written."""

    def max_payload(self) -> int:
        """The largest accepted message body in bytes, after the environment's say."""
        if self.payload_bytes:
            return self.payload_bytes
        told = os.environ.get("EPICS_CA_MAX_ARRAY_BYTES", "")
        # As in EPICS base the variable can only raise what is served.
        return max(int(told), 16384) if told.isdecimal() else 64 * MIB


class Counts:
    """Plain counters of one Context, for whoever publishes them; loop thread only."""

    __slots__ = (
        "bad_requests",
        "channels",
        "closed_idle",
        "closed_stalled",
        "conflated",
        "connections",
        "connections_refused",
        "failed_puts",
        "hook_failures",
        "puts_in_flight",
        "refused_over_limit",
        "requests",
        "subscriptions",
        "updates",
    )

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    connections: int
    channels: int
    subscriptions: int
    puts_in_flight: int
    requests: int
    updates: int
    conflated: int
    failed_puts: int
    bad_requests: int
    refused_over_limit: int
    connections_refused: int
    closed_idle: int
    closed_stalled: int
    hook_failures: int
