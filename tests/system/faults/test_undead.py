"""Rows 14 and 15: a worker that cannot be killed, and one that speaks after its end."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from client import Client, ca_is_up, ca_port
from daemon import assert_gone, family, until
from patched import patched
from systems import MISBEHAVING, one_system

from sswd.testing import Daemon, running_daemon

STOP_S = 8.0


def workers(daemon: Daemon) -> list[psutil.Process]:
    """Children of the IOC that run sswd's worker."""
    children = psutil.Process(daemon.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.timing
@pytest.mark.row(14)
def test_a_worker_that_cannot_be_killed(client: Client) -> None:
    config = one_system(
        "aborts:Stubborn",
        command="abort_s = [0.1, 0.1, 0.1]",
        restart="stall_s = 0.3\ndelay_s = 0.05",
    )
    with running_daemon(
        config=config,
        folder=MISBEHAVING,
        port=ca_port(),
        command=patched("unkillable"),
    ) as daemon:
        prefix = daemon.prefix
        error = client.monitor(prefix + "WORKER:LAST_ERROR")
        put = client.start_put(prefix + "CMD", "gil")
        client.wait_for(prefix + "message", "in gil")
        client.put(prefix + "ABORT", 1)
        error.wait_for(lambda seen: "does not die of SIGKILL" in seen.value)
        until(lambda: "no second worker is started" in daemon.log, "a line of the log")
        client.wait_for(prefix + "WORKER:STALLED", "Yes")

        assert client.put(prefix + "WORKER:RESTART", 1)
        client.wait_for(prefix + "WORKER:STATE", "STOPPING")
        assert client.put(prefix + "WORKER:RESTART", 1)
        assert client.put(prefix + "WORKER:START", 1)
        ca_is_up(daemon, client)
        assert not client.put(prefix + "CMD", "echo")
        assert client.get(prefix + "CMD_STATE") == "REJECTED"
        assert not put.done()  # it runs still, for all we know
        assert len(workers(daemon)) == 1
        assert client.get(prefix + "WORKER:RUN") == 1

        everybody = family(daemon.pid)
        begun_s = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begun_s < STOP_S
        assert_gone(everybody)  # the guard's SIGKILL was a real one


@pytest.mark.timing
@pytest.mark.row(15)
def test_a_late_message_of_an_old_run_is_dropped(
    client: Client, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    config = one_system("journal:Journal", args=f'path = "{tmp_path}/journal"')
    with running_daemon(
        config=config,
        folder=MISBEHAVING,
        port=ca_port(),
        command=patched("late"),
        env={"GO": str(go)},
    ) as daemon:
        prefix = daemon.prefix
        monitors = [client.monitor(prefix + pv) for pv in ("values", "message", "ACK")]
        assert client.put(prefix + "CMD", "1")
        os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)
        client.wait_for(prefix + "WORKER:RUN", 2)
        client.wait_for(prefix + "WORKER:STATE", "RUNNING")

        put = client.start_put(prefix + "CMD", "2 500")
        client.wait_for(prefix + "CMD_STATE", "RUNNING")
        go.touch()
        until(Path(f"{go}.done").exists, "the late messages to be delivered")
        ca_is_up(daemon, client)  # a turn of the loop later
        assert not put.done()
        assert put.result(10.0)
        assert "end 2" in (tmp_path / "journal").read_text()
        values, message, ack = monitors
        assert 666.0 not in [x for seen in values.values for x in seen]
        assert "late" not in message.values
        assert ack.last.value == "1"
        assert client.get(prefix + "WORKER:STATE") == "RUNNING"
        assert "late" not in client.get(prefix + "WORKER:LAST_ERROR")
