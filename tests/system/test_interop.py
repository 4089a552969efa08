"""Every client library against a real daemon: what users' screens and plans do.

Each library runs in a process of its own (they keep process-wide state), goes through
the steps of clients/steps.py once, and each step is a test of its own here.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sswd.testing import child_env, free_port, loopback_env, running_daemon

CLIENTS = Path(__file__).parent / "clients"
DRIVERS = Path(__file__).parent / "drivers"
LONG_TEXT = "x" * 300

EXPECTED: dict[str, Any] = {
    "get": {"number": 1.5, "text": "off"},
    "put": 5.0,
    "put_callback": {
        "ok": True,
        "waited": True,
        "state": "DONE",
        "values": [1.0, 2.0, 3.0],
        "ack": "1",
    },
    "put_fails": {
        "ok": False,
        "state": "FAILED",
        "error": "ValueError: told to fail",
        "ack": "0 ValueError: told to fail",
    },
    "failure_is_seen": None,
    "monitor": [2.0, 4.0, 6.0],
    "array": {"written": [1.0, -2.0, 3.5], "answer": [3.5, -2.0, 1.0]},
    "enum": [[2, "fast", "fast"], [1, "slow", "slow"]],
    "string_write": "as a string",
    "char_write": {"cmd": "echo " + LONG_TEXT, "message": LONG_TEXT},
    "reconnect": {"get": True, "put": True},
}
SEEN = {
    "aioca": ["CANothing", "CANothing", False, False],
    "caproto": [False, "ECA_PUTFAIL"],
    "pyepics": 1,
    "ophyd": [True, None],
    "cli": 0,
}
"""What docs/how-to/clients.md says of each library."""
# These say "success" whatever the server answers; only the PVs tell their users.
HIDE_STATUS = ("pyepics", "ophyd", "cli")


class Served:
    """The target's daemon at one port, which can be ended and started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        config = (DRIVERS / "target.toml").read_text()
        daemon = self._stack.enter_context(
            running_daemon(config=config, folder=DRIVERS, port=self.port, ready=False)
        )
        daemon.prefix = "T:"  # the same for every start, unlike the fixture's own
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=30.0)

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def daemon() -> Iterator[Served]:
    daemon = Served()
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module", params=["aioca", "pyepics", "ophyd", "caproto", "cli"])
def seen(request: pytest.FixtureRequest, daemon: Served) -> dict[str, Any]:
    """What one client saw, by step; the daemon is restarted when it asks for it."""
    seen: dict[str, Any] = {"client": request.param}
    command = [sys.executable, CLIENTS / f"client_{request.param}.py", "T:"]
    ca = {**loopback_env(daemon.port), "EPICS_CA_MAX_SEARCH_PERIOD": "60"}
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=child_env(ca),
        ) as client,
    ):
        try:
            follow(client, daemon, seen)
            code = client.wait(20)
        finally:
            client.kill()
        errors.seek(0)
        assert code == 0, errors.read()
    return seen


def follow(
    client: "subprocess.Popen[str]", daemon: Served, seen: dict[str, Any]
) -> None:
    """Collect what the client prints; restart the daemon when it asks for that."""
    assert client.stdin is not None
    assert client.stdout is not None
    for line in client.stdout:
        if line.strip() == "reconnect":
            daemon.stop()
            daemon.start()
            client.stdin.write("\n")
            client.stdin.flush()
        elif line.startswith("{"):
            seen.update(json.loads(line))


# The first test of a client runs all its steps, two starts of the daemon among them.
@pytest.mark.timeout(180)
@pytest.mark.parametrize("step", EXPECTED)
def test_interop(seen: dict[str, Any], step: str) -> None:
    expected = EXPECTED[step]
    if step == "put_fails" and seen["client"] in HIDE_STATUS:
        expected = {**expected, "ok": True}
    if step == "failure_is_seen":
        expected = SEEN[seen["client"]]
    assert seen[step] == expected
