"""What one client may cost this server, as data; and the counts that tell it.

Every bound has a written overflow policy: its description in sswd.config.keys.
"""

import os

from sswd.config.keys import LimitsConfig

MIB = 1 << 20
DEFAULT_PAYLOAD = 64 * MIB
SMALLEST_PAYLOAD = 16384


class Limits(LimitsConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the Channel Access server; each is described in sswd.config.keys,
    with what follows beyond it. Sizes in bytes, times in seconds."""

    def max_payload(self) -> int:
        """The largest message body in bytes, after the environment's say."""
        if self.payload_bytes:
            return self.payload_bytes
        size = os.environ.get("EPICS_CA_MAX_ARRAY_BYTES", "")
        return max(int(size), SMALLEST_PAYLOAD) if size.isdecimal() else DEFAULT_PAYLOAD


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
