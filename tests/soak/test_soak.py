"""Soaks for every day; `make soak` takes half an hour, `make soak-operations` two
hours."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from soak import Client, soak

CYCLES = 6


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


@pytest.mark.timeout(120)
def test_the_mixed_load_runs_and_nothing_grows() -> None:
    """Not how fast it is: `make soak` looks at that, on a quiet machine."""
    script = Path(__file__).parent / "mixed.py"
    done = subprocess.run(
        [sys.executable, script, "--minutes", "0.15", "--kill-every", "3"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "\n10/10" in done.stdout, done.stderr
    for grown in ("rss_mb", "fds", "threads", "a monitor", "no worker"):
        assert f"GROWN {grown}" not in done.stdout, done.stdout


@pytest.mark.row(58)
@pytest.mark.timeout(240)
def test_no_kill_of_a_daemon_that_saves_tears_or_loses_anything() -> None:
    script = Path(__file__).parent / "daemon_torture.py"
    done = subprocess.run(
        [sys.executable, script, "--kills", "3"],
        capture_output=True,
        text=True,
        timeout=230,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 kills, ")


@pytest.mark.timeout(600)
def test_operations_go_on_and_nothing_grows_or_is_lost() -> None:
    """A minute, in `.ci/run` five. Beside other tests, so that a deadline counts as
    missed when it is five times as late as `make soak-operations` takes for late: that
    one has the host for itself."""
    script = Path(__file__).parent / "operations.py"
    minutes = os.environ.get("SSWD_SOAK_MINUTES", "1")
    done = subprocess.run(
        [sys.executable, script, "--minutes", minutes, "--patience", "25"],
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert "\n10/10" in done.stdout, done.stderr
    assert "\nslope guard rss_mb" in done.stdout
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert (wrong, done.returncode) == ([], 0), done.stdout
