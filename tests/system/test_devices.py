"""ophyd and ophyd-async read and set the kinds of PVs with their own classes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.testing import Daemon, child_env, free_port, loopback_env, running_daemon

HERE = Path(__file__).parent
MISBEHAVING = HERE.parent / "misbehaving"
EXPECTED = {
    "speed": 3.0,
    "setpoint": 2.6,
    "mode": "on",
    "go": 0,
    "frame": [40000] * 10,
    "width": 5,
    "severity": 2,
}
REFUSED = ["", False]
"""What ophyd-async raises for a put beyond the limits, and whether that was good."""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def daemon(port: int) -> Iterator[Daemon]:
    sys.path.insert(0, str(MISBEHAVING))
    try:
        from kinds import PVS
    finally:
        sys.path.remove(str(MISBEHAVING))
    hot = 'HOT = { type = "float", writable = true, hihi = 90.0 }\n'
    config = (
        'prefix = "@"\n[system.main]\ntarget = "kinds:Instrument"\n'
        f"[system.main.pvs]\n{PVS}{hot}"
    )
    with running_daemon(config=config, folder=MISBEHAVING, port=port) as made:
        yield made


@pytest.mark.parametrize("library", ["ophyd", "ophyd_async"])
def test_a_device(daemon: Daemon, port: int, library: str) -> None:
    client = HERE / "clients" / f"devices_{library}.py"
    done = subprocess.run(
        [sys.executable, client, daemon.prefix],
        env=child_env(loopback_env(port)),
        capture_output=True,
        text=True,
        timeout=60.0,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen.pop("refused", REFUSED) == REFUSED
    assert seen == EXPECTED
