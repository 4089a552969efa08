"""Crash and restart cycles under a client that watches; nothing may grow.

    python tests/soak/soak.py --cycles 1000

The worker dies in six ways by turns, or is restarted; the client's circuit stays. After
each cycle the next worker has answered a command and posted an image through shared
memory. Prints its figures, and exits with 1 if anything grew.
"""

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aioca
import psutil

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "system"), str(Path(__file__).parent)]

from client import Client, ca_port  # noqa: E402
from daemon import until  # noqa: E402
from measure import held  # noqa: E402

from sswd.testing import Daemon, loopback_env, running_daemon  # noqa: E402

CONFIG = """
prefix = "@"
[system.main]
target = "weary:Weary"
[system.main.pvs]
IMAGE = { type = "bytes", length = 2000000 }
[system.main.restart]
delay_s = 0.02
max_delay_s = 0.02
[system.main.command]
abort_s = [0.02, 0.02, 0.02]
"""
WATCHED = ("values", "message", "CMD_STATE", "WORKER:STATE", "WORKER:HEARTBEAT")
GROWTH_MB = 10.0
"""What the allocator may keep, of whatever number of cycles."""
WAIT_S = 60.0


@dataclass(frozen=True)
class Sample:
    """What the IOC holds between two cycles."""

    fds: int
    threads: int
    children: int
    zombies: int
    shared_memory: int
    """Entries of /dev/shm."""
    rss_mb: float


@dataclass
class Figures:
    """The result. The first sample is taken after one cycle of each kind."""

    samples: list[Sample] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    """From a death to the answer of the next worker."""
    drops: int = 0
    """How often the client's circuit was lost."""

    def grown(self) -> list[str]:
        """What is more than at the start, or was lost; empty when all is well."""
        first, last = self.samples[0], self.samples[-1]
        found = [
            f"{name}: {getattr(first, name)} -> {getattr(last, name)}"
            for name in ("fds", "threads", "children", "zombies", "shared_memory")
            if getattr(last, name) > getattr(first, name)
        ]
        if last.rss_mb - first.rss_mb > GROWTH_MB:
            found.append(f"rss_mb: {first.rss_mb:.1f} -> {last.rss_mb:.1f}")
        if self.drops:
            found.append(f"the circuit was lost {self.drops} times")
        return found

    def __str__(self) -> str:
        first, last = self.samples[0], self.samples[-1]
        quarters = [self.samples[len(self.samples) * q // 4] for q in range(1, 4)]
        rss = [f"{s.rss_mb:.1f}" for s in (first, *quarters, last)]
        return (
            f"{len(self.took_s)} cycles: fds {first.fds} -> {last.fds}, "
            f"threads {first.threads} -> {last.threads}, "
            f"children {first.children} -> {last.children}, zombies {last.zombies}, "
            f"/dev/shm {first.shared_memory} -> {last.shared_memory}, "
            f"RSS {' '.join(rss)} MB, circuit lost {self.drops} times; "
            f"death to answer: median {statistics.median(self.took_s):.2f} s, "
            f"worst {max(self.took_s):.2f} s"
        )


class Soak:
    """One daemon, one client, many lives."""

    def __init__(self, daemon: Daemon, client: Client) -> None:
        self._daemon = daemon
        self._client = client
        self._prefix = daemon.prefix
        self._monitors = [client.monitor(self._prefix + pv) for pv in WATCHED]
        self._run = client.monitor(self._prefix + "WORKER:RUN")
        self._ioc = psutil.Process(daemon.pid)
        self._ways: list[Callable[[], None]] = [
            self._kill,
            lambda: self._command("segfault"),
            lambda: self._command("exit"),
            self._kill_in_flood,
            self._abort,
            lambda: self._put("WORKER:RESTART", 1),
        ]

    def run(self, cycles: int, told: Callable[[str], None]) -> Figures:
        """Go through the lives; `told` hears of the progress."""
        figures = Figures()
        for cycle in range(len(self._ways) + cycles):
            begun_s = time.monotonic()
            self._live(cycle)
            if cycle >= len(self._ways):
                figures.took_s.append(time.monotonic() - begun_s)
            if cycle >= len(self._ways) - 1:
                figures.samples.append(self._sample())
            # A libca monitor records everything; a thousand lives are too much.
            for monitor in (*self._monitors, self._run):
                figures.drops += monitor.drops
                del monitor.seen[:-1]
            if cycle % 50 == 0:
                told(f"{cycle} cycles: {self._sample()}")
        return figures

    def _live(self, cycle: int) -> None:
        """One death, and a command to the next worker."""
        run = self._run.last.value
        self._ways[cycle % len(self._ways)]()
        self._run.wait_for(run + 1, timeout_s=WAIT_S)
        state = self._monitors[WATCHED.index("WORKER:STATE")]
        until(lambda: state.last.value == "RUNNING", "RUNNING", WAIT_S)
        assert self._put("CMD", f"work {cycle}")
        values = self._client.get(self._prefix + "values")
        assert values[0] == cycle
        image = self._client.get(self._prefix + "IMAGE", datatype=aioca.DBR_CHAR)
        assert image[-1] == cycle % 256

    def _put(self, pv: str, value: object) -> bool:
        return self._client.put(self._prefix + pv, value, timeout_s=WAIT_S)

    def _pid(self) -> int:
        return int(self._client.get(self._prefix + "WORKER:PID"))

    def _kill(self) -> None:
        os.kill(self._pid(), signal.SIGKILL)

    def _command(self, text: str) -> None:
        assert not self._put("CMD", text)

    def _kill_in_flood(self) -> None:
        put = self._client.start_put(self._prefix + "CMD", "flood", timeout_s=WAIT_S)
        self._client.wait_for(self._prefix + "CMD_STATE", "RUNNING")
        self._kill()
        assert not put.result(WAIT_S)

    def _abort(self) -> None:
        put = self._client.start_put(self._prefix + "CMD", "ignore", timeout_s=WAIT_S)
        self._client.wait_for(self._prefix + "CMD_STATE", "RUNNING")
        self._put("ABORT", 1)
        assert not put.result(WAIT_S)

    def _sample(self) -> Sample:
        children = self._ioc.children()
        zombies = [c for c in children if c.status() == psutil.STATUS_ZOMBIE]
        now = held(self._ioc)
        return Sample(
            fds=now.fds,
            threads=now.threads,
            children=len(children),
            zombies=len(zombies),
            shared_memory=len(os.listdir("/dev/shm")),
            rss_mb=now.rss_mb,
        )


def soak(client: Client, cycles: int, told: Callable[[str], None]) -> Figures:
    """Run so many cycles against a daemon of our own."""
    folder = TESTS / "misbehaving"
    with running_daemon(config=CONFIG, folder=folder, port=ca_port()) as daemon:
        return Soak(daemon, client).run(cycles, told)


def main() -> int:
    """The command line."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--cycles", type=int, default=1000)
    os.environ.update(loopback_env())  # before libca reads it
    client = Client()
    figures = soak(
        client, parser.parse_args().cycles, lambda text: print(text, flush=True)
    )
    client.close()
    print(figures)
    for grown in figures.grown():
        print(f"GROWN {grown}")
    return 1 if figures.grown() else 0


if __name__ == "__main__":
    sys.exit(main())
