"""The same wire script against EPICS base's C server and against ours.

Every difference must be listed, with its reason, in docs/reference/conformance.md, and
every line there must still be a difference.
"""

import contextlib
import fnmatch
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sswd.testing import child_env, free_port, loopback_env

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import pvs  # noqa: E402
import scenes  # noqa: E402
import script  # noqa: E402

TABLE = Path(__file__).parents[4] / "docs/reference/conformance.md"
OPERATIONS = ("get", "put", "write", "monitor")


@pytest.fixture
def base_port():
    """EPICS base's softIoc with base.db, in a process of its own."""
    port = free_port()
    ioc = subprocess.Popen(
        [sys.executable, "-m", "epicscorelibs.ioc", "-d", str(HERE / "base.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_env(loopback_env(port)),
    )
    try:
        until_s = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            assert ioc.poll() is None, "the softIoc has ended"
            assert time.monotonic() < until_s, "the softIoc does not listen"
            time.sleep(0.05)
        yield port
    finally:
        ioc.kill()
        ioc.wait()
        ioc.stdin.close()


@pytest.fixture
async def players(base_port, port, serving):
    """One who plays to base, one who plays to us."""
    async with serving(pvs.Group(prefix="X:").pvdb):
        both = script.Player(base_port), script.Player(port)
        yield both
        for player in both:
            player.drop()


def deviations():
    """The patterns in the first column of the table."""
    rows = re.findall(r"^\| `([^|]+)` \|", TABLE.read_text(), re.MULTILINE)
    return [pattern for row in rows for pattern in row.split("` `")]


def is_listed(case, patterns):
    return any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)


async def compare(players, cases):
    """Play (id, method) cases to both; the ids of those answered differently."""
    different = {}
    for case, play in cases:
        answers = [await play(player) for player in players]
        if answers[0] != answers[1]:
            different[case] = answers
    return different


def cases_of(operation):
    """Name, type and count of everything that `operation` can be played with."""

    def play(name, dtype, count):
        return lambda player: getattr(player, operation)(name, dtype, count)

    for name in script.NAMES:
        for dtype, type_name in enumerate(script.TYPES):
            for count in script.COUNTS:
                case = f"{operation}/{name}/{type_name}/{count}"
                yield case, play(name, dtype, count)


def text_cases():
    def play(name, text):
        return lambda player: player.put_text(name, text)

    for name in script.TEXT_NAMES:
        for case, text in script.TEXTS.items():
            yield f"text/{name}/{case}", play(name, text)


def check(different, kinds):
    """Every difference is listed, and every line of these kinds is a difference."""
    patterns = [p for p in deviations() if p.split("/")[0] in kinds]
    unlisted = {c: a for c, a in different.items() if not is_listed(c, patterns)}
    assert not unlisted, "\n".join(
        f"{case}\n  base {base}\n  sswd {ours}"
        for case, (base, ours) in list(unlisted.items())[:10]
    )
    stale = [p for p in patterns if not fnmatch.filter(different, p)]
    assert not stale, f"no longer different, remove from {TABLE.name}: {stale}"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_every_type_and_count(players, operation):
    for name in script.NAMES:
        for player in players:
            await player.reset(name)
    different = await compare(players, cases_of(operation))
    check(different, {operation})


async def test_numbers_and_states_as_text(players):
    check(await compare(players, text_cases()), {"text"})


async def test_scenes(players):
    plays = ((f"scene/{name}", scene) for name, scene in scenes.SCENES.items())
    check(await compare(players, plays), {"scene"})
