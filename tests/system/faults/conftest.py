"""One libca client for all tests of faults; it forgets everything after each."""

import sys
from collections.abc import Iterator
from pathlib import Path

import aioca
import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent, HERE.parents[1] / "ioc/ca"):
    sys.path.insert(0, str(folder))  # client.py, served.py, ca_raw.py

from client import Client  # noqa: E402


@pytest.fixture(scope="session")
def session_client() -> Iterator[Client]:
    client = Client()
    # libca opens its sockets, and starts its repeater, at the first use.
    client._run(aioca.connect("no:such:pv", timeout=0.1, throw=False), 1.0)
    yield client
    client.close()


@pytest.fixture
def client(session_client: Client) -> Iterator[Client]:
    """The client that was connected before the fault and watches it."""
    yield session_client
    session_client.forget()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = "libca keeps the sockets of circuits that the server ended"
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.leaks(why, "file descriptor"))
