"""PVs under IOC: that tell how the daemon itself fares, measured once a second.

They stand beside caproto's own statistics (memory, CPU, access security state). Clients
can only read all of these, their fields too: with a period or a limit of its own a
client could have the IOC do nothing else.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import Any

import psutil
from caproto import AccessRights
from caproto.server import PVGroup
from caproto.server.stats import StatusHelper

from sswd.ioc import ca
from sswd.ioc.ca import Counts, Data
from sswd.ioc.pvs.readback import readback
from sswd.sizes import COUNTER_MODULUS

log = logging.getLogger("sswd.ioc")

PERIOD_S = 1.0
UNTRUE = (
    "SYSRESET",  # it is sys.exit(0) for any client
    "ACCESS",  # it says Running, whatever is so
    "START_CNT",  # nothing restores it
    "SUSP_TASK_CNT",  # not implemented, as the two counts of clients
    "CA_CLNT_CNT",
    "CA_CONN_CNT",
    "RECORD_CNT",  # it counts these statistics alone
    "HOSTNAME",  # always empty
    "APP_DIR",  # where sswd is installed
    "SOURCE_FILE",  # caproto's own
)
"""PVs of caproto that do not say what their names, which are devIocStats's, promise.
Those that can be true are served by `Statistics` instead."""
CHECK_S = 0.05
"""Period of the checks whether the loop wakes up in time."""


def caproto_statistics(prefix: str) -> dict[str, Data]:
    """caproto's own, with all their fields read-only; none where there is no /proc."""
    try:
        pvdb: dict[str, Any] = dict(StatusHelper(prefix=prefix).pvdb)
    except (psutil.Error, OSError) as ex:
        log.warning("no statistics of memory and CPU under %s: %s", prefix, ex)
        return {}
    for name in UNTRUE:
        del pvdb[f"{prefix}{name}"]
    pvdb[f"{prefix}ENGINEER"].__doc__ = "Who is responsible: variable ENGINEER"
    for data in pvdb.values():
        for each in (data, *data.fields.values()):
            each.check_access = _read_only
    return pvdb


def _read_only(_host: str, _user: str) -> AccessRights:
    return AccessRights.READ


class Statistics(PVGroup):  # type: ignore[misc]
    """Loop lag, posts, and the counts of the Channel Access side."""

    LOOP_LAG = readback(
        "float", "Largest delay of the loop, last 1 s", units="s", precision=4
    )
    POST_TIME = readback(
        "float", "Mean time to publish a post, last 1 s", units="us", precision=1
    )
    POSTS = readback("int", "Posts published by all systems")
    HOSTNAME = readback("text", "Host on which the IOC runs", length=64)
    RECORD_CNT = readback("int", "PVs served, those under IOC: as well")
    CA_CLNT_CNT = readback("int", "As CA_CONNECTIONS, by devIocStats's name")
    CA_CONN_CNT = readback("int", "As CA_CHANNELS, by devIocStats's name")
    CA_CONNECTIONS = readback("int", "Clients connected now")
    CA_CHANNELS = readback("int", "Channels of all clients now")
    CA_SUBSCRIPTIONS = readback("int", "Monitors of all clients now")
    CA_PUTS_IN_FLIGHT = readback("int", "Puts that have not ended")
    CA_REQUESTS = readback("int", "Requests served")
    CA_UPDATES = readback("int", "Monitor updates sent")
    CA_CONFLATED = readback("int", "Updates replaced by newer ones")
    CA_FAILED_PUTS = readback("int", "Puts that failed")
    CA_BAD_REQUESTS = readback("int", "Messages that broke the protocol")
    CA_OVER_LIMIT = readback("int", "Requests refused by a limit")
    CA_CONNECTIONS_REFUSED = readback("int", "Clients refused by a limit")
    CA_CLOSED_IDLE = readback("int", "Clients disconnected because idle")
    CA_CLOSED_STALLED = readback("int", "Clients disconnected because not reading")
    CA_HOOK_FAILURES = readback("int", "Failures in startup and scan hooks")
    CA_SEARCHES_DROPPED = readback("int", "Searches dropped under load")

    counts: Counts | None = None
    """Counts of the Context; set by the service before the server runs."""
    publishing: Callable[[], tuple[int, float]] | None = None
    """(posts published, seconds they took) since the start; set likewise."""
    records: Callable[[], int] | None = None
    """How many PVs are served; set likewise."""

    @LOOP_LAG.startup
    async def LOOP_LAG(self, _instance: object, _async_lib: object) -> None:  # noqa: N802
        posts, took_s = 0, 0.0
        ca.post(self.HOSTNAME, socket.gethostname())
        while True:
            ca.post(self.LOOP_LAG, await _largest_lag_s(PERIOD_S))
            if self.publishing is not None:
                now_posts, now_took_s = self.publishing()
                new = now_posts - posts
                mean_us = 1e6 * (now_took_s - took_s) / new if new else 0.0
                posts, took_s = now_posts, now_took_s
                ca.post(self.POST_TIME, mean_us)
                ca.post_if_changed(self.POSTS, posts % COUNTER_MODULUS)
            if self.records is not None:
                ca.post_if_changed(self.RECORD_CNT, self.records())
            if self.counts is not None:
                ca.post_if_changed(self.CA_CLNT_CNT, self.counts.connections)
                ca.post_if_changed(self.CA_CONN_CNT, self.counts.channels)
                for name in self.counts.__slots__:
                    count = getattr(self.counts, name) % COUNTER_MODULUS
                    ca.post_if_changed(getattr(self, f"CA_{name.upper()}"), count)


async def _largest_lag_s(period_s: float) -> float:
    """How late the loop woke us at worst during one period."""
    until_s = time.monotonic() + period_s
    worst_s = 0.0
    while (now_s := time.monotonic()) < until_s:
        await asyncio.sleep(CHECK_S)
        worst_s = max(worst_s, time.monotonic() - now_s - CHECK_S)
    return worst_s
