"""Kills writers of state files at random instants; whatever is read then must be whole.

    python tests/soak/state_torture.py --kills 300

A child saves state after state, and says so after each one. It is killed by SIGKILL at
a random instant. Then the newest state must be the last one of which it said so, or one
that it had begun with: nothing torn, nothing older, no word of a fault.
"""

import argparse
import os
import random
import select
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sswd.ioc.state.format import Saved
from sswd.ioc.state.generations import Generations

LONGEST_S = 0.03
SAVES = 3.0
"""A child lives for as many saves as this, at most: hosts differ in how long one takes.
"""
START_S = 60.0


def state(number: int) -> dict[str, Saved]:
    """A state of some 20 kB that says its number in each part."""
    table = np.full(2_000 + number % 7, float(number))
    return {"N": Saved(number, 1.0), "TABLE": Saved(table, float(number))}


def write_for_ever(folder: Path, number: int, told: int) -> None:
    """The child."""
    generations = Generations(folder, "torture")
    generations.read()
    os.write(told, struct.pack("=q", number))
    while True:
        number += 1
        generations.write(state(number))
        os.write(told, struct.pack("=q", number))


def killed_writer(folder: Path, number: int, after_s: float) -> int:
    """Have a child write from `number` on, and kill it; the last number it told.

    The time runs from when it begins to write.
    """
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        write_for_ever(folder, number, tell)
    os.close(tell)
    begun, _, _ = select.select([told], [], [], START_S)
    assert begun, f"a child did not begin to write within {START_S:g} s"
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(told, "rb") as pipe:
        content = pipe.read()
    return struct.unpack("=q", content[-8:])[0] if content else number


def save_s(folder: Path) -> float:
    """How long a save takes here."""
    generations = Generations(folder, "typical")
    generations.read()
    begun_s = time.perf_counter()
    for number in range(10):
        generations.write(state(number))
    return (time.perf_counter() - begun_s) / 10


def check(folder: Path, told: int) -> int:
    """The number that is read back. Raises AssertionError."""
    found = Generations(folder, "torture").read()
    assert not found.words, found.words
    if not found.values:
        assert told == 0, f"state {told} is lost"
        return 0
    number, table = found.values["N"].value, found.values["TABLE"].value
    assert isinstance(number, int)
    assert number in (told, told + 1), f"{number} was read and {told} was saved"
    assert isinstance(table, np.ndarray)
    assert (table == number).all()
    assert table.size == 2_000 + number % 7
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    args = parser.parse_args()
    chance = random.Random(args.seed)
    number = 0
    with tempfile.TemporaryDirectory(prefix="sswd-torture-") as folder:
        longest_s = max(LONGEST_S, SAVES * save_s(Path(folder)))
        for _ in range(args.kills):
            after_s = chance.uniform(0.0, longest_s)
            number = check(Path(folder), killed_writer(Path(folder), number, after_s))
    if number < args.kills / 4:
        raise SystemExit(f"{number} states were written: too few to have tested much")
    sys.stdout.write(f"{args.kills} kills, {number} states, seed {args.seed}: whole\n")


if __name__ == "__main__":
    main()
