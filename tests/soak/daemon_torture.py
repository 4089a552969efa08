"""Kills a daemon that is put to while it saves; what it kept must be whole and newest.

    python tests/soak/daemon_torture.py --kills 20

A client puts ever greater numbers. Once the daemon has saved one and writes the next
file, it is killed by SIGKILL at a random instant of that. Then the files must be whole,
have nothing older than was on disk before and nothing that was not put, and the next
daemon must serve just what they have. No line of the audit log may be torn.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "system")]

from client import Client, ca_port  # noqa: E402

from sswd.ioc.state.generations import Generations  # noqa: E402
from sswd.testing import Daemon, loopback_env, running_daemon  # noqa: E402

SIZE = 20_000
"""Elements of the array: a file takes some milliseconds."""
CONFIG = f"""
prefix = "@"
[audit]
file = "FOLDER/log/puts.jsonl"
burst_s = 0.0
[state]
directory = "FOLDER/state"
[system.main]
target = "keeps:Keeps"
[system.main.pvs]
N = {{ type = "int", writable = true, restore = true }}
TABLE = {{ type = "float", length = {SIZE}, writable = true, restore = true }}
"""
DRIVER = """
from sswd import System

class Keeps(System):
    def io_execute(self, pv_name, value):
        pass
"""
LONGEST_S = 0.02
"""After the begin of a write was seen."""
WAIT_S = 60.0


class Kept:
    """The files of the daemon's one system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "state"

    def numbers(self) -> tuple[int, int]:
        """(N, what TABLE is full of), 0 where there is none. Raises AssertionError."""
        found = Generations(self._folder, self._stem).read()
        if found.words:  # a living daemon may have renamed it while it was opened
            found = Generations(self._folder, self._stem).read()
        assert not found.words, found.words
        # The first file may have been written between the first two puts.
        number, table = (
            found.values[name].value if name in found.values else None
            for name in ("N", "TABLE")
        )
        number = number or 0
        assert isinstance(number, int)
        if table is None or not np.size(table):
            return number, 0
        assert np.size(table) == SIZE
        assert np.ptp(table) == 0
        return number, int(np.max(table))

    def is_being_written(self) -> bool:
        """Whether the next file is begun and not complete."""
        return (self._folder / f"{self._stem}.new").exists()

    @property
    def _stem(self) -> str:
        [lock] = self._folder.glob("*.lock")
        return lock.name.removesuffix(".lock")


def numbers_put(client: Client, prefix: str, after: int) -> Iterator[int]:
    """Put ever greater numbers; each when it is put."""
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        after += 1
        assert client.put(f"{prefix}N", after)
        assert client.put(f"{prefix}TABLE", np.full(SIZE, float(after)))
        yield after
    raise AssertionError(f"no write of a file was seen within {WAIT_S:g} s")


def killed(daemon: Daemon, client: Client, kept: Kept, after_s: float) -> int:
    """Put until the daemon writes anew what it has saved once, and kill it; the last
    number that was put."""
    begun, _ = was = served(daemon, client)
    assert was == kept.numbers(), "the daemon serves another state than the files have"
    last = next(
        number
        for number in numbers_put(client, daemon.prefix, begun)
        if kept.is_being_written() and min(kept.numbers()) > begun
    )
    before = kept.numbers()
    time.sleep(after_s)
    daemon.process.kill()
    daemon.process.wait(WAIT_S)
    after = kept.numbers()
    for older, newer in zip(before, after, strict=True):
        assert older <= newer <= last, f"{before} was saved, {last} put, {after} read"
    return last


def served(daemon: Daemon, client: Client) -> tuple[int, int]:
    """(N, what TABLE is full of), as the daemon serves them."""
    table = np.atleast_1d(client.get(f"{daemon.prefix}TABLE"))
    return int(client.get(f"{daemon.prefix}N")), int(table.max(initial=0.0))


def check_audit(folder: Path) -> int:
    """How many lines there are. Raises ValueError for a torn one."""
    files = sorted((folder / "log").glob("puts.jsonl*"))
    return sum(len([json.loads(x) for x in f.read_text().splitlines()]) for f in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    args = parser.parse_args()
    chance = random.Random(args.seed)
    os.environ.update(loopback_env())  # before libca reads it
    client, last = Client(), 0
    with tempfile.TemporaryDirectory(prefix="sswd-torture-") as place:
        folder = Path(place)
        (folder / "keeps.py").write_text(DRIVER)
        kept, config = Kept(folder), CONFIG.replace("FOLDER", place)
        prefix = f"K{os.getpid()}:"
        for _ in range(args.kills):
            with running_daemon(
                config=config, folder=folder, port=ca_port(), prefix=prefix
            ) as daemon:
                after_s = chance.uniform(0.0, LONGEST_S)
                last = killed(daemon, client, kept, after_s)
            client.forget()
        lines = check_audit(folder)
    client.close()
    words = f"{args.kills} kills, {last} numbers, {lines} lines of audit"
    sys.stdout.write(f"{words}, seed {args.seed}: whole\n")


if __name__ == "__main__":
    main()
