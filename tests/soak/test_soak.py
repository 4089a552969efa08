"""A short soak for every day; `make soak` runs a thousand cycles."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from soak import Client, soak

CYCLES = 12


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


@pytest.mark.timeout(120)
@pytest.mark.leaks("libca keeps its sockets and threads", "file descriptor", "thread")
def test_nothing_grows_over_some_lives(client: Client) -> None:
    figures = soak(client, CYCLES, print)
    print(figures)
    assert figures.grown() == []
    assert len(figures.took_s) == CYCLES
