"""What a daemon tells beside Channel Access, with one real daemon: the levels of a
worker's loggers, metrics for Prometheus, PVs for ChannelFinder."""

import getpass
import importlib.util
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from control import found_here, good, sswd
from daemon import until

from sswd.testing import Daemon, free_port, running_daemon

HERE = Path(__file__).parent
METRICS = free_port()
RECSYNC = free_port()
CONFIG = f"""\
prefix = "@"
[log.levels]
"vendor.configured" = "DEBUG"
[system.main]
target = "talks:Talks"
ping_s = 0.05
[system.main.pvs.SET]
type = "float"
description = "A set point"
writable = true
aliases = ["ALIAS{os.getpid()}"]
[metrics]
listen = "127.0.0.1:{METRICS}"
[recsync]
enabled = true
port = {RECSYNC}
infos = {{ ENGINEER = "Ada" }}
"""


def _receiver():
    """tests/unit/daemon/receiver.py, which is no module of this folder."""
    path = HERE.parent / "unit/daemon/receiver.py"
    spec = importlib.util.spec_from_file_location("receiver", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    running = running_daemon(config=CONFIG, folder=HERE / "drivers")
    with running as daemon, found_here(daemon):
        yield daemon


def heard(daemon: Daemon, text: str) -> bool:
    """Whether the vendor's library said so in the log; the put has ended then."""
    assert daemon.put("CMD", text)
    assert daemon.put("CMD", "marker")
    return f"vendor.bus: heard {text}\n" in daemon.log


def test_a_logger_of_the_driver_is_set_by_command(daemon: Daemon) -> None:
    assert not heard(daemon, "one")
    until(lambda: "vendor.configured: took one\n" in daemon.log, "as configured")
    told = good("level", "--system", "main", "vendor.bus", "debug")
    assert told == "vendor.bus  DEBUG\n"
    until(lambda: heard(daemon, "two"), "the level in the worker")
    assert good("level", "--system", "all").splitlines() == [
        "vendor.configured  DEBUG",
        "vendor.bus         DEBUG",
    ]
    good("restart")
    until(lambda: heard(daemon, "three"), "the level in the next run")
    good("level", "--system", "main", "vendor.bus", "warning")
    until(lambda: not heard(daemon, f"four {os.urandom(4).hex()}"), "silence")
    code, _, err = sswd("level", "--system", "main", "x" * 201, "debug")
    assert (code, "at most 200 bytes" in err) == (1, True)
    code, _, err = sswd("level", "--system", "nobody", "x", "debug")
    assert (code, "there is no system" in err) == (4, True)


def test_the_root_logger_is_set_by_a_pv(daemon: Daemon) -> None:
    good("level", "--system", "main", "vendor.bus", "notset")
    assert daemon.get("WORKER:LOG_LEVEL", as_string=True) == "INFO"
    assert daemon.put("WORKER:LOG_LEVEL", "DEBUG")
    assert daemon.get("WORKER:LOG_LEVEL", as_string=True) == "DEBUG"
    assert f"logs from DEBUG on, by {getpass.getuser()}@" in daemon.log
    until(lambda: heard(daemon, f"five {os.urandom(4).hex()}"), "the root's level")
    assert daemon.put("WORKER:LOG_LEVEL", 2)
    assert daemon.get("WORKER:LOG_LEVEL", as_string=True) == "WARNING"
    assert not daemon.put("WORKER:LOG_LEVEL", 9)
    good("level", "--system", "main", "root", "notset")
    assert daemon.get("WORKER:LOG_LEVEL", as_string=True) == "INFO"
    assert good("level", "root", "warning") == "root  WARNING\n"
    assert good("level", "root", "notset") == "root  INFO\n", "as at the start"


def test_a_logger_of_the_driver_is_set_by_a_pv(daemon: Daemon) -> None:
    assert not heard(daemon, "six")
    assert daemon.put("WORKER:LOG_LEVELS", "vendor.bus debug")
    assert "vendor.bus DEBUG" in daemon.get("WORKER:LOG_LEVELS", as_string=True)
    until(lambda: heard(daemon, f"seven {os.urandom(4).hex()}"), "the level by PV")
    assert not daemon.put("WORKER:LOG_LEVELS", "vendor.bus loud")
    good("level", "--system", "main", "vendor.bus", "notset")


def test_metrics_are_served(daemon: Daemon) -> None:
    assert daemon.put("CMD", "lose")
    daemon.wait_for("WORKER:LINK_FAILURES", 1)
    with urllib.request.urlopen(f"http://127.0.0.1:{METRICS}/metrics") as answer:
        text = answer.read().decode()
    assert 'sswd_link_failures_total{system="main"} 1.0' in text
    assert 'sswd_worker_running{system="main"} 1.0' in text
    assert 'sswd_commands_total{state="DONE",system="main"}' in text


async def test_a_recceiver_is_told_the_pvs(daemon: Daemon) -> None:
    async with _receiver().receiving() as receiver:
        receiver.announce(RECSYNC)  # it has listened since its start
        await receiver.until(lambda: receiver.uploads)
    records = {name: number for number, (_, name) in receiver.records.items()}
    number = records[f"{daemon.prefix}SET"]
    assert receiver.records[number][0] == "ao"
    assert receiver.infos[number] == {"recordDesc": "A set point"}
    assert (number, f"ALIAS{os.getpid()}") in receiver.aliases
    assert receiver.records[records[f"{daemon.prefix}CMD"]][0] == "lso"
    assert receiver.infos[0]["ENGINEER"] == "Ada"
    assert receiver.infos[0]["RSRV_SERVER_PORT"] == daemon.env["EPICS_CA_SERVER_PORT"]
