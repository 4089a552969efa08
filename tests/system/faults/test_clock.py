"""Row 34: the wall clock jumps by an hour, and nothing happens."""

import os
import signal
import time
from pathlib import Path

import pytest
from client import Client, ca_is_up
from served import served
from systems import MISBEHAVING, one_system

pytestmark = pytest.mark.row(34)

JUMPING = Path(__file__).parent / "jumping_clock"
HOUR_S = 3600.0


@pytest.mark.timing
@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])
def test_the_clock_jumps(client: Client, tmp_path: Path, jump_s: float) -> None:
    shift = tmp_path / "shift"
    shift.write_text("0")
    config = one_system(
        "journal:Journal",
        args=f'path = "{tmp_path}/journal"',
        command="timeout_s = 20.0",
        restart="stall_s = 1.0\ndelay_s = 0.5\nmax_restarts = 1\nwindow_s = 60.0",
    )
    path = (JUMPING, MISBEHAVING, os.environ.get("PYTHONPATH", ""))
    env = {"CLOCK_SHIFT": str(shift), "PYTHONPATH": ":".join(map(str, path))}
    with served(config, client, env=env) as daemon:
        prefix = daemon.prefix
        stalled = client.monitor(prefix + "WORKER:STALLED")
        beats = client.monitor(prefix + "WORKER:HEARTBEAT")
        values = client.monitor(prefix + "values")
        run = client.monitor(prefix + "WORKER:RUN")

        put = client.start_put(prefix + "CMD", "1 2500")
        client.wait_for(prefix + "CMD_STATE", "RUNNING")
        temporary = tmp_path / "new"
        temporary.write_text(str(jump_s))
        temporary.replace(shift)
        since_s = time.monotonic()
        ca_is_up(daemon, client)
        beats.wait_for(lambda seen: seen.at_s > since_s + 1.5)  # beyond stall_s
        assert put.result(10.0)

        # The jump was there: in the IOC's own stamps, and in those of the worker.
        for monitor in (beats, values):
            shown_s = monitor.last.stamp_s - time.time()
            assert abs(shown_s - jump_s) < 10.0
        assert 2.4 < client.get(prefix + "CMD_TIME") < 5.0
        assert 0 < client.get(prefix + "WORKER:UPTIME") < 60.0
        assert client.get(prefix + "CMD_STATE") == "DONE"
        assert stalled.values == ["No"]
        assert run.values == [1]

        # Nor is a back-off an hour longer.
        os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)
        client.wait_for(prefix + "WORKER:RUN", 2)
        client.wait_for(prefix + "WORKER:STATE", "RUNNING")
        assert client.put(prefix + "CMD", "2")
