"""How far one host goes: memory and CPU as PVs, systems, daemons and clients grow.

    python -m bench.scale

For docs/explanations/scale.md. Memory is PSS: what processes share counts once. CPU is
in seconds of a core from the start until everything runs, and in percent when idle; so
other programs on the host matter little.
"""

import contextlib
import datetime as dt
import os
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from sswd.testing import Daemon, running_daemon

DRIVERS = Path(__file__).parents[1] / "tests/misbehaving"
PVS = (10, 1_000, 10_000)
SYSTEMS = (1, 8, 32)
DAEMONS = 8
CLIENTS = (0, 500)
IDLE_S = 10.0
KILLS = 9


def family(daemon: Daemon) -> list[psutil.Process]:
    ioc = psutil.Process(daemon.pid)
    return [ioc, *ioc.children(recursive=True)]


def pss_mb(processes: list[psutil.Process]) -> float:
    return sum(p.memory_full_info().pss for p in processes) / 1e6


def cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in processes)


def told(what: str, daemons: list[Daemon]) -> None:
    """Print what these daemons have cost, and what they cost idle."""
    processes = [p for daemon in daemons for p in family(daemon)]
    start_s = cpu_s(processes)
    time.sleep(IDLE_S)
    idle = 100 * (cpu_s(processes) - start_s) / IDLE_S
    ioc_mb = pss_mb([psutil.Process(daemon.pid) for daemon in daemons])
    print(
        f"{what}: {pss_mb(processes):.0f} MB PSS ({ioc_mb:.0f} in IOCs), "
        f"{start_s:.1f} s of CPU to start, {idle:.1f} % of a core idle",
        flush=True,
    )


def with_pvs(n: int) -> str:
    pvs = "".join(f"[system.main.pvs.V{i}]\ntype = 'float'\n" for i in range(n))
    return f'prefix = "@"\n[system.main]\ntarget = "echo:Echo"\n{pvs}'


def with_systems(n: int, start: str = "spawn") -> str:
    return 'prefix = "@"\n' + "".join(
        f'[system.s{i}]\nprefix = "S{i}:"\ntarget = "echo:Echo"\nstart = "{start}"\n'
        "restart = { delay_s = 0.001, max_delay_s = 0.001 }\n"
        for i in range(n)
    )


def killed_to_running_s(daemon: Daemon) -> float:
    """The median time from the SIGKILL of a worker to RUNNING, as the log has it."""
    took = []
    for _ in range(KILLS):
        seen, killed = len(daemon.log), dt.datetime.now().astimezone()
        daemon.kill_worker("S0:")
        while "'s0': worker STARTING -> RUNNING" not in daemon.log[seen:]:
            time.sleep(0.01)
        (line,) = (x for x in daemon.log[seen:].splitlines() if "-> RUNNING" in x)
        running = dt.datetime.fromisoformat(line[:23]).astimezone()
        took.append((running - killed).total_seconds())
    return statistics.median(took)


@contextlib.contextmanager
def clients(daemon: Daemon, n: int) -> Iterator[None]:
    """Circuits that say nothing."""
    port = int(daemon.env["EPICS_CA_SERVER_PORT"])
    with contextlib.ExitStack() as stack:
        for _ in range(n):
            address = ("127.0.0.1", port)
            stack.enter_context(socket.create_connection(address, 60.0))
        yield


def main() -> None:
    os.chdir(DRIVERS)
    for n in PVS:
        with running_daemon(config=with_pvs(n)) as daemon:
            told(f"{n} PVs", [daemon])
            if n == PVS[0]:
                for m in CLIENTS:
                    with clients(daemon, m):
                        told(f"{m} silent clients", [daemon])
    for n in SYSTEMS:
        for start in ("spawn", "fork"):
            with running_daemon(config=with_systems(n, start)) as daemon:
                told(f"{n} systems, start = {start!r}", [daemon])
                print(f"  killed to RUNNING {killed_to_running_s(daemon):.3f} s")
    with contextlib.ExitStack() as stack:
        daemons = [
            stack.enter_context(running_daemon(config=with_systems(1)))
            for _ in range(DAEMONS)
        ]
        told(f"{DAEMONS} daemons of one system", daemons)


if __name__ == "__main__":
    main()
