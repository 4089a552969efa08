"""Workers that end with their test, whatever happened in it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .rig import Rig


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    """Makes workers: `rig("systems:Chameleon")`."""
    made: list[Rig] = []

    def make(target: str, **spec: Any) -> Rig:
        made.append(Rig(target, **spec))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def worker(rig: Callable[..., Rig]) -> Rig:
    """A worker that does what the text of a command says; see drivers/systems.py."""
    return rig("systems:Chameleon").begin()
