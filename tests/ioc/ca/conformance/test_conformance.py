"""The same wire script against EPICS base's C server and against ours.

Every difference must be listed, with its reason, in docs/reference/conformance.md, and
every line there must still be a difference.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import pvs  # noqa: E402
import scenes  # noqa: E402
import script  # noqa: E402
from base_ioc import serving_base  # noqa: E402
from table import check  # noqa: E402

OPERATIONS = ("get", "put", "write", "monitor")


@pytest.fixture
def base_port():
    """EPICS base's softIoc with base.db."""
    with serving_base("base.db") as port:
        yield port


@pytest.fixture
async def players(base_port, port, serving):
    """One who plays to base, one who plays to us."""
    async with serving(pvs.Group(prefix="X:").pvdb):
        both = script.Player(base_port), script.Player(port)
        yield both
        for player in both:
            player.drop()


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
