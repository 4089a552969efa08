"""Steps per second: from the master's word to READY, of a system that moves at once.

`python -m bench.steps` starts a daemon with such a system and is its master, by each of
the two ways, with 1000 points in nested loops' fashion: one count after the other, the
next when the last is READY. One line a way: steps per second, p50, p99, maximum.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

import numpy as np

from sswd import SequenceSystem
from sswd.testing import Daemon, free_port, loopback_env, running_daemon

WARM = 50
WAIT_S = 10.0
CONFIG = """
prefix = "@"
[system.stage]
target = "bench.steps:Still"
[system.stage.trigger]
pv = "BENCH:COUNT"
"""


class Still(SequenceSystem):
    """Is where it has to be."""

    def move(self, value: float) -> None:
        pass


class Master:
    """A master's IOC and its view of one server, on one event loop."""

    def __init__(self, prefix: str) -> None:
        from caproto.server import PVGroup, pvproperty

        from sswd.ioc.client.remote_pv import RemotePv

        class Group(PVGroup):
            COUNT = pvproperty(value=0)

        self.group = Group("BENCH:")
        self.is_connected: set[str] = set()
        self.values: dict[str, object] = {}
        self.changed = asyncio.Event()
        self.pvs = {
            name: RemotePv(prefix + name, self._taking(name), self._noting(name))
            for name in ("INDEX", "INDEX_RBV", "READY", "TRIGGER:CONNECTED")
        }

    def _taking(self, name: str):
        def take(update) -> None:
            self.values[name] = update.value
            self.changed.set()

        return take

    def _noting(self, name: str):
        def note(is_connected: bool, _words: str) -> None:
            (self.is_connected.add if is_connected else self.is_connected.discard)(name)
            self.changed.set()

        return note

    async def until(self, test) -> None:
        async with asyncio.timeout(WAIT_S):
            while not test():
                self.changed.clear()
                await self.changed.wait()

    def is_there(self, count: int) -> bool:
        return (self.values["INDEX_RBV"], self.values["READY"]) == (count, 1)

    async def by_trigger(self, count: int) -> None:
        from sswd.ioc.ca import post

        post(self.group.COUNT, count)
        await self.until(lambda: self.is_there(count))

    async def by_put(self, count: int) -> None:
        if not await self.pvs["INDEX"].put(count):
            raise RuntimeError(f"the step to {count} failed")
        await self.until(lambda: self.is_there(count))

    async def measure(self, steps: int) -> dict[str, np.ndarray]:
        """Seconds of each step, by way."""
        from sswd.ioc.ca import Context

        serving = asyncio.create_task(Context(self.group.pvdb).run())
        for pv in self.pvs.values():
            pv.start()
        ways = {"trigger": self.by_trigger, "put": self.by_put}
        try:
            await self.until(lambda: len(self.is_connected) == len(self.pvs))
            await self.until(lambda: self.values["TRIGGER:CONNECTED"] == 1)
            return {way: await _timed(step, steps) for way, step in ways.items()}
        finally:
            for pv in self.pvs.values():
                await pv.close()
            serving.cancel()
            await asyncio.wait({serving})


async def _timed(step, steps: int) -> np.ndarray:
    took_s = []
    for count in range(steps + WARM):
        begun_s = time.perf_counter()
        await step(count)
        took_s.append(time.perf_counter() - begun_s)
    return np.array(took_s[WARM:])


def measure(daemon: Daemon, port: int, steps: int) -> dict[str, np.ndarray]:
    """Be the master of `daemon` at `port`."""
    hosts = f"127.0.0.1:{daemon.env['EPICS_CA_SERVER_PORT']}"
    os.environ.update({**loopback_env(port), "EPICS_CA_ADDR_LIST": hosts})
    return asyncio.run(Master(daemon.prefix).measure(steps))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.steps", description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    steps = parser.parse_args().steps
    port = free_port()
    env = {"EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}"}
    root = Path(__file__).parents[1]
    with running_daemon(config=CONFIG, folder=root, env=env) as daemon:
        daemon.put("CMD", "linear(0, 100, 1)")
        found = measure(daemon, port, steps)
        lost = daemon.get("TRIGGER:MISSED") + daemon.get("TRIGGER:FAILED")
    for way, took_s in found.items():
        p50, p99, worst = 1e3 * np.percentile(took_s, [50, 99, 100])
        print(
            f"{way:8} {1 / took_s.mean():7.0f} steps/s   p50 {p50:.2f} ms   "
            f"p99 {p99:.2f} ms   max {worst:.2f} ms   ({steps} steps)"
        )
    print(f"triggers missed or failed: {lost}")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
