"""Row 60: a name belongs to who served it first; words about others are bounded."""

import time
from pathlib import Path

import psutil
import pytest
from client import UP_S, Client, ca_is_up, ca_port
from daemon import until
from systems import MISBEHAVING, one_system

from sswd.testing import Daemon, running_daemon

pytestmark = pytest.mark.row(60)

TWO_SYSTEMS = """
prefix = "@"
[system.a]
target = "names:Greedy"
prefix = "A:"
[system.b]
target = "echo:Echo"
prefix = "A:B:"
[system.b.pvs]
PV1 = { type = "int", value = 5 }
"""
"""The prefix of system a is the start of that of system b."""


def rss_mb(daemon: Daemon) -> float:
    return psutil.Process(daemon.pid).memory_info().rss / 1e6


@pytest.mark.timing
def test_a_restarted_class_cannot_take_the_names_of_others(
    client: Client, tmp_path: Path
) -> None:
    flag = tmp_path / "greedy"
    with running_daemon(
        config=TWO_SYSTEMS,
        folder=MISBEHAVING,
        port=ca_port(),
        env={"SSWD_TEST_GREEDY": str(flag)},
        ready=False,
    ) as daemon:
        prefix = daemon.prefix + "A:"
        until(lambda: daemon.log.count("RUNNING (") >= 2, "both systems")
        restart(client, prefix, flag)

        assert client.put(prefix + "B:CMD", "to B")
        assert client.get(prefix + "B:CMD") == "to B"
        assert client.put(prefix + "CMD", "post")

        assert client.get(prefix + "NEW") == 2, "what it declares beside is served"
        assert client.get(prefix + "B:CMD") == "to B"
        assert client.get(prefix + "B:PV1") == 5
        for name in ("B:CMD", "B:PV1"):
            words = f"the name {prefix}{name} is taken already in this daemon"
            assert words in daemon.log, name
        ca_is_up(daemon, client, "A:")


@pytest.mark.timing
def test_a_restarted_class_cannot_take_the_names_of_the_daemon(
    client: Client, tmp_path: Path
) -> None:
    flag = tmp_path / "greedy"
    with running_daemon(
        config=one_system("names:Greedy"),
        folder=MISBEHAVING,
        port=ca_port(),
        env={"SSWD_TEST_GREEDY": str(flag)},
    ) as daemon:
        heartbeat = daemon.prefix + "IOC:HEARTBEAT"
        before = client.get(heartbeat)
        restart(client, daemon.prefix, flag)
        until(lambda: client.get(heartbeat) != before, "a beat of the daemon's own")
        assert "IOC:HEARTBEAT" in daemon.log
        ca_is_up(daemon, client)


def restart(client: Client, prefix: str, flag: Path) -> None:
    """Have the next run declare more."""
    flag.touch()
    client.put(prefix + "WORKER:RESTART", 1)
    until(lambda: client.get(prefix + "WORKER:RUN") == 2, "the second run")
    until(lambda: client.get(prefix + "WORKER:STATE") == "RUNNING", "RUNNING")


@pytest.mark.timing
def test_swapped_arguments_cost_little_log_and_memory(client: Client) -> None:
    with running_daemon(
        config=one_system("names:Greedy"), folder=MISBEHAVING, port=ca_port()
    ) as daemon:
        prefix = daemon.prefix
        before_mb = rss_mb(daemon)
        assert client.put(prefix + "CMD", "swap")
        until(lambda: client.get(prefix + "WORKER:REFUSED") >= 300, "refusals")
        assert len(daemon.log) < 1_000_000
        assert rss_mb(daemon) - before_mb < 20
        ca_is_up(daemon, client)


@pytest.mark.timing
def test_five_thousand_pvs_of_a_class_keep_nobody_waiting(client: Client) -> None:
    with running_daemon(
        config=one_system("names:Many"), folder=MISBEHAVING, port=ca_port(), ready=False
    ) as daemon:
        prefix = daemon.prefix
        slowest_s = 0.0
        while client.get(prefix + "WORKER:STATE") != "RUNNING":
            begun_s = time.monotonic()
            client.get(prefix + "CMD_STATE")
            slowest_s = max(slowest_s, time.monotonic() - begun_s)
        assert slowest_s < UP_S
        assert client.put(prefix + "CMD", "post")
        assert client.get(prefix + "PV4999") == 1.0
