"""Clients that people have drive a stage as a motor record, lose it, and go on."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sswd.testing import Daemon, child_env, free_port, loopback_env, running_daemon

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "motor"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def daemon(port: int) -> Iterator[Daemon]:
    text = (EXAMPLE / "slit.toml").read_text().replace('"SLIT:"', '"@"')
    with running_daemon(config=text, folder=EXAMPLE, port=port) as made:
        yield made


def seen_by(daemon: Daemon, port: int, client: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, HERE / "clients" / f"motor_{client}.py", daemon.prefix],
        env=child_env(loopback_env(port)),
        capture_output=True,
        text=True,
        timeout=120.0,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:] + daemon.log[-3000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen
