"""Months of operation in two hours: nothing may grow, no deadline may be missed.

    python tests/soak/operations.py --minutes 120

Eight systems that post a hundred times a second; twenty clients on libca, each in a
process of its own, which monitor, get and put, one for each system all that it posts;
every ten seconds a SIGKILL to a worker; every five seconds `sswd status`. Prints a line
for every tenth of the time, the slopes of what the IOC (which has the control socket)
and the guard hold, and exits with 1 if anything grew, was late or was lost.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from judge import Judge, Limits  # noqa: E402
from measure import again  # noqa: E402
from operators import Clients, Killer, Samples, Statuses  # noqa: E402
from watcher import WINDOW_S  # noqa: E402

from sswd.testing import Daemon, free_port, loopback_env, running_daemon  # noqa: E402

HEAD = """\
prefix = "@"
[log]
file = "daemon.log"
max_bytes = 100000
keep = 2
[audit]
file = "puts.jsonl"
burst_s = 0.0
max_bytes = 100000
keep = 2
"""
SYSTEM = """
[system.s{0}]
prefix = "S{0}:"
target = "ticks:Ticks"
[system.s{0}.pvs]
COUNT = {{ type = "int" }}
LEVEL = {{ type = "float", writable = true, restore = true }}
LEVEL_RBV = {{ type = "float" }}
"""
STATUS_S, SAMPLE_S = 5.0, 1.0


def config(systems: int) -> str:
    """The configuration of so many systems."""
    return HEAD + "".join(SYSTEM.format(number) for number in range(systems))


async def load(
    daemon: Daemon, args: argparse.Namespace, clients: Clients, judge: Judge
) -> None:
    """Load it for the whole time, and tell how it fares."""
    killer = Killer(daemon.prefix, args.systems)
    statuses = Statuses(daemon)
    samples = Samples(daemon, SAMPLE_S)
    await killer.open()
    await clients.ready()
    over = asyncio.Event()
    jobs = [
        asyncio.create_task(again(over, args.kill_every, killer.kill)),
        asyncio.create_task(again(over, STATUS_S, statuses.ask)),
        asyncio.create_task(again(over, SAMPLE_S, samples.take)),
        asyncio.create_task(again(over, WINDOW_S, clients.hear)),
    ]
    for number in range(1, 11):
        await asyncio.wait(jobs, timeout=6 * args.minutes)
        for job in jobs:
            if job.done():
                job.result()
        judge.clients = clients.seen()
        judge.take(killer, statuses, samples)
        print(f"{number}/10  {judge}", flush=True)
    over.set()
    await asyncio.wait(jobs)
    await clients.close()
    judge.clients = clients.seen()
    await killer.close()
    await statuses.ask_until_well()
    judge.take(killer, statuses, samples)


def run(args: argparse.Namespace, told: Callable[[str], None]) -> list[str]:
    """Load a daemon of our own; what was not as it should be."""
    port = free_port()
    os.environ.update(loopback_env(port))  # before libca reads it
    limits = Limits(patience=args.patience, minutes=args.minutes, systems=args.systems)
    judge = Judge(limits, args.clients)
    with running_daemon(
        config=config(args.systems), folder=TESTS / "misbehaving", port=port
    ) as daemon:
        clients = Clients(daemon.prefix, args.clients, args.systems, limits.get_s)
        asyncio.run(load(daemon, args, clients, judge))
        for line in judge.slopes():  # also where the daemon does not end in time
            told(line)
    return judge.wrong()


def main() -> int:
    """The command line."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--kill-every", type=float, default=10.0, metavar="S")
    parser.add_argument("--systems", type=int, default=8)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument(
        "--patience",
        type=float,
        default=5.0,
        help="how many times what docs/reference/guarantees.md says a deadline is",
    )
    wrong = run(parser.parse_args(), lambda text: print(text, flush=True))
    for words in wrong:
        print(f"WRONG {words}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
