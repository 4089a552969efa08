"""What one client may cost this server, as data; and the counts that tell it.

Every bound has a written overflow policy: its comment.
"""

import os

import msgspec

MIB = 1 << 20
DEFAULT_PAYLOAD = 64 * MIB
SMALLEST_PAYLOAD = 16384


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the Channel Access server; sizes in bytes, times in seconds."""

    connections: int = 4000
    """Clients at once, never more than the file descriptors allow. Beyond: the longest
    idle client without channels makes room, else the new one is closed."""
    channels: int = 20_000
    """Channels of one client; a further one is answered CREATE_CH_FAIL."""
    subscriptions: int = 20_000
    """Monitors of one client; a further one is answered ECA_ALLOCMEM."""
    requests_in_flight: int = 2_000
    """Puts and slow gets of one client, and puts on one PV, that have not ended; a
    further one is answered ECA_PUTFAIL or ECA_GETFAIL."""
    requests_per_turn: int = 256
    """Gets (a put counts as 16) of one client served before all others have a turn."""
    unsent_bytes: int = 256 << 10
    """Bytes of one client that wait in this process. Above it, its monitors keep only
    their newest value, and its further requests are not read."""
    payload_bytes: int = 0
    """Largest message of a client; a larger one ends its circuit with ECA_TOLARGE.
    0: EPICS_CA_MAX_ARRAY_BYTES, else 64 MiB."""
    idle_s: float = 600.0
    """A client without any channel that sends nothing for so long is disconnected."""
    stalled_s: float = 600.0
    """A client that takes none of the bytes waiting for it for so long is too."""
    stalled_bytes: int = 512 * MIB
    """Unsent bytes of all stalled clients together. Beyond: the longest stalled one is
    disconnected."""
    receiving_bytes: int = 512 * MIB
    """Bytes of unfinished messages of all clients together. Beyond: the client with the
    most is disconnected."""
    half_open_s: float = 60.0
    """A host that answers no TCP keep-alive for so long is gone."""
    reserved_files: int = 32
    """File descriptors that clients never get: a worker's restart needs some."""
    log_period_s: float = 10.0
    """Repeats of one kind of log line within this time are counted, not written."""

    def max_payload(self) -> int:
        """The largest message body in bytes, after the environment's say."""
        if self.payload_bytes:
            return self.payload_bytes
        told = os.environ.get("EPICS_CA_MAX_ARRAY_BYTES", "")
        return max(int(told), SMALLEST_PAYLOAD) if told.isdecimal() else DEFAULT_PAYLOAD


class Counts:
    """Plain counters of one Context, for whoever publishes them; loop thread only.

    connections, channels, subscriptions and puts_in_flight are of this moment; the
    others only grow.
    """

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
        "over_limit",
        "puts_in_flight",
        "requests",
        "searches_dropped",
        "subscriptions",
        "updates",
    )

    def __init__(self) -> None:
        self.connections = 0
        self.channels = 0
        self.subscriptions = 0
        self.puts_in_flight = 0
        self.requests = 0
        self.updates = 0
        self.conflated = 0
        self.failed_puts = 0
        self.bad_requests = 0
        self.over_limit = 0
        self.connections_refused = 0
        self.closed_idle = 0
        self.closed_stalled = 0
        self.hook_failures = 0
        self.searches_dropped = 0
