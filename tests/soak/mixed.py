"""Everything at once for ten minutes; nothing may grow, and nothing may become slower.

    python tests/soak/mixed.py --minutes 10

Gets, puts with callback, monitors of scalars, arrays and images, clients that come and
go, and a SIGKILL to the worker every ten seconds. Prints a line for every tenth of the
time, the slopes, and exits with 1 if anything grew.
"""

import argparse
import asyncio
import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aioca
import numpy as np
import psutil
from measure import Held, again, held, slope

from sswd.testing import Daemon, free_port, loopback_env, running_daemon

TESTS = Path(__file__).resolve().parents[1]

CONFIG = """
prefix = "@"
[system.main]
target = "busy:Busy"
[system.main.pvs]
COUNT = { type = "int" }
IMAGE = { type = "bytes", length = 2000000 }
[system.main.restart]
delay_s = 0.05
max_delay_s = 0.05
"""
GET_S, PUT_S, NEW_CLIENT_S, SAMPLE_S = 0.005, 0.02, 0.1, 0.5
SLOWEST_S = 0.05
"""Promise G1: an answer within 50 ms."""
ALLOWED_LATE = 0.002
"""Part of the gets that a busy host may make later than that."""
GROWTH = {"rss_mb": 5.0, "fds": 2.0, "get_p50_us": 200.0, "get_p99_us": 5000.0}
"""What the whole time may add to each; a tenth differs from the next by as much."""
HEADER = struct.Struct("!HHHHII")


@dataclass
class Tenth:
    """What happened in one tenth of the time."""

    gets_s: list[float] = field(default_factory=list)
    done: int = 0
    failed: int = 0
    events: int = 0
    clients: int = 0
    kills: int = 0
    samples: list[Held] = field(default_factory=list)
    """Of the IOC."""

    def figures(self) -> dict[str, float]:
        """The medians that are to stay."""
        rss_mb, fds, threads = np.median(np.array(self.samples), axis=0)
        return {
            "rss_mb": float(rss_mb),
            "fds": float(fds),
            "threads": float(threads),
            "get_p50_us": 1e6 * float(np.quantile(self.gets_s, 0.5)),
            "get_p99_us": 1e6 * float(np.quantile(self.gets_s, 0.99)),
        }

    def __str__(self) -> str:
        told = "  ".join(f"{k} {v:.5g}" for k, v in self.figures().items())
        return (
            f"{told}  max {1e3 * max(self.gets_s):.1f} ms  puts {self.done} done "
            f"{self.failed} failed  events {self.events}  clients {self.clients}  "
            f"kills {self.kills}"
        )


class Mixed:
    """The load on one daemon, from the one loop of this process."""

    def __init__(self, daemon: Daemon, minutes: float, kill_every_s: float) -> None:
        self._prefix = daemon.prefix
        self._port = int(daemon.env["EPICS_CA_SERVER_PORT"])
        self._ioc = psutil.Process(daemon.pid)
        self._kill_every_s = kill_every_s
        self._tenth_s = 6 * minutes
        self.tenths = [Tenth()]
        self.drops = 0

    async def run(self, told: Callable[[str], None]) -> None:
        """Load it for the whole time."""
        jobs = (
            (GET_S, self._get),
            (PUT_S, self._put),
            (NEW_CLIENT_S, self._come_and_go),
            (SAMPLE_S, self._sample),
            (self._kill_every_s, self._kill),
        )
        monitors = [
            aioca.camonitor(
                self._prefix + pv,
                self._heard,
                all_updates=True,
                notify_disconnect=True,
            )
            for pv in ("COUNT", "values", "IMAGE", "CMD_STATE", "WORKER:STATE")
        ]
        over = asyncio.Event()
        tasks = [asyncio.create_task(again(over, *job)) for job in jobs]
        for number in range(1, 11):
            await asyncio.wait(tasks, timeout=self._tenth_s)
            for task in tasks:
                if task.done():
                    task.result()
            told(f"{number}/10  {self.tenths[-1]}")
            self.tenths.append(Tenth())
        self.tenths.pop()
        over.set()
        await asyncio.wait(tasks)
        for monitor in monitors:
            monitor.close()
        aioca.purge_channel_caches()
        await asyncio.sleep(0.5)  # libca's threads have their last say in this loop

    def _heard(self, value: Any) -> None:
        if value.ok:
            self.tenths[-1].events += 1
        else:
            self.drops += 1

    async def _get(self) -> None:
        begun_s = time.perf_counter()
        await aioca.caget(self._prefix + "COUNT", timeout=10.0)
        self.tenths[-1].gets_s.append(time.perf_counter() - begun_s)

    async def _put(self) -> None:
        text = f"at {time.monotonic():.3f}"
        pv = self._prefix + "CMD"
        result = await aioca.caput(pv, text, wait=True, timeout=10.0, throw=False)
        if result.ok:
            self.tenths[-1].done += 1
        else:
            self.tenths[-1].failed += 1

    async def _come_and_go(self) -> None:
        """A client that connects, opens a channel, gets its value and hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        name = (self._prefix + "COUNT").encode() + b"\0"
        name += bytes(-len(name) % 8)
        writer.write(
            HEADER.pack(0, 0, 0, 13, 0, 0)
            + HEADER.pack(18, len(name), 0, 0, 1, 13)
            + name
        )
        while True:
            cmd, size, _, _, _, p2 = HEADER.unpack(await reader.readexactly(16))
            await reader.readexactly(size)
            if cmd == 18:
                writer.write(HEADER.pack(15, 0, 5, 1, p2, 7))
            if cmd == 15:
                break
        writer.close()
        await writer.wait_closed()
        self.tenths[-1].clients += 1

    async def _sample(self) -> None:
        self.tenths[-1].samples.append(held(self._ioc))

    async def _kill(self) -> None:
        pid = int(await aioca.caget(self._prefix + "WORKER:PID", timeout=10.0))
        if pid:
            os.kill(pid, signal.SIGKILL)
            self.tenths[-1].kills += 1

    # -- the result

    def slopes(self) -> dict[str, float]:
        """What the whole time adds, by a line through the tenths after the first."""
        rows = [tenth.figures() for tenth in self.tenths[1:]]
        return {name: slope([row[name] for row in rows]) for name in rows[0]}

    def grown(self) -> list[str]:
        """What is more at the end than at the start, or was slow or lost."""
        found = [
            f"{name}: {slope:+.5g} over the time"
            for name, slope in self.slopes().items()
            if slope > GROWTH.get(name, 1.0)
        ]
        gets_s = np.concatenate([tenth.gets_s for tenth in self.tenths])
        late = float(np.mean(gets_s > SLOWEST_S))
        if late > ALLOWED_LATE:
            found.append(f"{100 * late:.2f} % of the gets took more than 50 ms")
        if self.drops:
            found.append(f"a monitor lost its circuit {self.drops} times")
        if not sum(tenth.kills for tenth in self.tenths):
            found.append("no worker was killed")
        return found


def mixed(minutes: float, kill_every_s: float, told: Callable[[str], None]) -> Mixed:
    """Load a daemon of our own for so long."""
    port = free_port()
    os.environ.update(loopback_env(port))  # before libca reads it
    folder = TESTS / "misbehaving"
    with running_daemon(config=CONFIG, folder=folder, port=port) as daemon:
        load = Mixed(daemon, minutes, kill_every_s)
        asyncio.run(load.run(told))
    return load


def main() -> int:
    """The command line."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kill-every", type=float, default=10.0, metavar="S")
    args = parser.parse_args()
    load = mixed(args.minutes, args.kill_every, lambda text: print(text, flush=True))
    print(
        "over the time: " + "  ".join(f"{k} {v:+.4g}" for k, v in load.slopes().items())
    )
    for grown in load.grown():
        print(f"GROWN {grown}")
    return 1 if load.grown() else 0


if __name__ == "__main__":
    sys.exit(main())
