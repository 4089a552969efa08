"""A sample under names of Prometheus' conventions: base units, `_total`. Pure."""

from collections.abc import Callable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)

from sswd.ioc.daemon.metrics.sample import NOW, Sample, SystemSample

Number = Callable[[SystemSample], float]
COUNTERS: dict[str, tuple[str, Number]] = {
    "posts": ("Posts published", lambda s: s.posts),
    "post_seconds": ("Time that publishing posts took", lambda s: s.post_s),
    "posts_refused": ("Posts whose value does not fit its PV", lambda s: s.refused),
    "posts_conflated": (
        "Posts that a newer one replaced before it was sent",
        lambda s: s.conflated,
    ),
    "worker_restarts": ("Starts of the worker after the first", lambda s: s.restarts),
    "link_failures": (
        "Times that the link to the instrument was lost",
        lambda s: s.link_failures,
    ),
}
GAUGES: dict[str, tuple[str, Number]] = {
    "commands_waiting": ("Commands that have not begun", lambda s: s.waiting),
    "worker_running": ("Whether the worker is RUNNING", lambda s: s.is_running),
    "worker_stalled": ("Whether the worker is silent", lambda s: s.is_stalled),
    "worker_memory_bytes": ("Resident memory of the worker", lambda s: s.memory_bytes),
    "worker_uptime_seconds": ("How long it has been RUNNING", lambda s: s.uptime_s),
    "link_ok": ("Whether the link to the instrument is OK", lambda s: s.is_link_ok),
}
CA: dict[str, str] = {
    "bad_requests": "Messages that broke the protocol",
    "channels": "Channels of all clients",
    "closed_idle": "Clients disconnected because idle",
    "closed_stalled": "Clients disconnected because not reading",
    "conflated": "Monitor updates replaced by newer ones",
    "connections": "Clients connected",
    "connections_refused": "Clients refused by a limit",
    "failed_puts": "Puts that failed",
    "hook_failures": "Failures in startup and scan hooks",
    "over_limit": "Requests refused by a limit",
    "puts_in_flight": "Puts that have not ended",
    "requests": "Requests served",
    "searches_dropped": "Searches dropped under load",
    "subscriptions": "Monitors of all clients",
    "updates": "Monitor updates sent",
}


def families(sample: Sample) -> Iterator[Metric]:
    """All metrics of one sample."""
    yield InfoMetricFamily(
        "sswd",
        "The daemon",
        value={"version": sample.version, "prefix": sample.prefix},
    )
    yield GaugeMetricFamily(
        "sswd_loop_lag_seconds",
        "Largest delay of the event loop in the last second",
        value=sample.loop_lag_s,
    )
    yield from _of_systems(sample)
    for name, count in sample.ca.items():
        kind = GaugeMetricFamily if name in NOW else CounterMetricFamily
        yield kind(f"sswd_ca_{name}", CA[name], value=count)


def _of_systems(sample: Sample) -> Iterator[Metric]:
    commands = CounterMetricFamily(
        "sswd_commands", "Commands that have ended", labels=["system", "state"]
    )
    for system in sample.systems:
        for state, count in system.commands.items():
            commands.add_metric([system.name, state], count)
    yield commands
    for kind, table in ((CounterMetricFamily, COUNTERS), (GaugeMetricFamily, GAUGES)):
        for name, (about, number) in table.items():
            family = kind(f"sswd_{name}", about, labels=["system"])
            for system in sample.systems:
                family.add_metric([system.name], float(number(system)))
            yield family
