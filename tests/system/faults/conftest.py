"""One libca client for all tests of faults; it forgets everything after each."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent):
    sys.path.insert(0, str(folder))  # client.py, daemon.py, served.py

from client import Client  # noqa: E402


@pytest.fixture(scope="session")
def session_client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


@pytest.fixture
def client(session_client: Client) -> Iterator[Client]:
    """The client that was connected before the fault and watches it."""
    yield session_client
    session_client.forget()
