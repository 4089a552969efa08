"""The numbers of one moment. Loop thread only: it is the owner of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sswd.ioc.ca import Counts
from sswd.ioc.daemon.statistics import Statistics
from sswd.ioc.supervision.lifecycle import WorkerState
from sswd.ioc.template import Server
from sswd.pipe.protocol import LinkPhase

NOW = ("connections", "channels", "subscriptions", "puts_in_flight")
"""Counts of this moment; the others only grow."""


@dataclass(frozen=True)
class SystemSample:
    """One system."""

    name: str
    posts: int
    post_s: float
    """What publishing them took, in s."""
    refused: int
    conflated: int
    commands: Mapping[str, int]
    """How many ended so, by their last state."""
    waiting: int
    is_running: bool
    is_stalled: bool
    restarts: int
    memory_bytes: float
    uptime_s: float
    is_link_ok: bool
    link_failures: int


@dataclass(frozen=True)
class Sample:
    """The daemon and its systems."""

    version: str
    prefix: str
    loop_lag_s: float
    ca: Mapping[str, int]
    systems: Sequence[SystemSample]


def take(
    servers: Sequence[Server],
    counts: Counts,
    statistics: Statistics,
    *,
    version: str,
    prefix: str,
) -> Sample:
    """The numbers of now."""
    return Sample(
        version,
        prefix,
        float(statistics.LOOP_LAG.value),
        {name: getattr(counts, name) for name in counts.__slots__},
        [_system(server) for server in servers],
    )


def _system(server: Server) -> SystemSample:
    worker, served = server.WORKER, server.served
    posts, post_s = server.published
    return SystemSample(
        name=server.system_name,
        posts=posts,
        post_s=post_s,
        refused=worker.REFUSED.value,
        conflated=worker.CONFLATED.value,
        commands={} if served is None else served.dispatcher.ended_counts,
        waiting=server.QUEUE_LEN.value,
        is_running=worker.STATE.value == WorkerState.RUNNING.name,
        is_stalled=worker.STALLED.value in (1, "Yes"),
        restarts=worker.RESTARTS.value,
        memory_bytes=worker.MEM.value * 1e6,
        uptime_s=worker.UPTIME.value,
        is_link_ok=worker.LINK.value in (int(LinkPhase.OK), LinkPhase.OK.name),
        link_failures=worker.LINK_FAILURES.value,
    )
