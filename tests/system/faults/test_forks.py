"""Row 53: a driver forks, and its child forgets that it is not the worker."""

import time
from pathlib import Path

import pytest
from client import Client
from daemon import until
from served import served
from systems import one_system

pytestmark = pytest.mark.row(53)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("returns", ""),
        ("raises", "RuntimeError: in the child"),
        ("posts", "a post was refused"),
        ("logs", "logged by the child"),
    ],
)
def test_a_child_takes_no_command_and_ends_none(
    client: Client, tmp_path: Path, what: str, told: str
) -> None:
    journal = tmp_path / "journal"
    with served(one_system("forks:Forks", args=f'journal = "{journal}"'), client) as d:
        worker = client.get(d.prefix + "WORKER:PID")
        begun_s = time.monotonic()
        assert client.put(d.prefix + "CMD", what)
        assert time.monotonic() - begun_s >= 0.5, "the put was completed by the child"
        for number in range(6):
            assert client.put(d.prefix + "CMD", f"next {number}")
        assert client.get(d.prefix + "WORKER:PID") == worker
        assert client.get(d.prefix + "message") != "posted by the child"
        until(lambda: told in d.log, f"{told!r} to be told")
        log = d.log
    wrote = journal.read_text().splitlines()
    assert wrote == [
        f"{worker} {text}"
        for text in (what, "parent is done", *(f"next {n}" for n in range(6)))
    ]
    assert "no message" not in log  # no torn frame


def test_a_pool_that_logs_hurts_nobody(client: Client, tmp_path: Path) -> None:
    config = one_system("forks:Forks", args=f'journal = "{tmp_path / "journal"}"')
    with served(config, client) as d:
        worker = client.get(d.prefix + "WORKER:PID")
        for number in range(5):
            assert client.put(d.prefix + "CMD", f"pool {number}")
            assert client.get(d.prefix + "message") == "sum 40425"
        assert client.get(d.prefix + "WORKER:PID") == worker
        assert "squaring 49" in d.log
