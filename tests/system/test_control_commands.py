"""What operators do through the control socket, with one real daemon."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import until

from sswd.testing import Daemon, running_daemon

MISBEHAVING = Path(__file__).parents[1] / "misbehaving"
CONFIG = """\
prefix = "@"
[system.main]
prefix = "MAIN:"
target = "stalls:Slow"
[system.main.restart]
stall_s = 0.5
[system.main.command]
abort_s = [0.1, 0.1, 0.5]
[system.main.pvs.LEVEL]
type = "float"
limits = [0, 10]
writable = true
[system.main.pvs.MODE]
type = "enum"
strings = ["off", "on"]
writable = true
[system.other]
prefix = "OTHER:"
target = "echo:Echo"
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(config=CONFIG, folder=MISBEHAVING, ready=False) as daemon:
        for system in ("MAIN:", "OTHER:"):
            daemon.wait_for(f"{system}WORKER:STATE", "RUNNING", timeout_s=20)
        yield daemon


@contextlib.contextmanager
def started(daemon: Daemon, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """The program, as it runs; it is ended with the block."""
    env = os.environ | {"RUNTIME_DIRECTORY": str(daemon.folder / "run")}
    with subprocess.Popen(
        [sys.executable, "-m", "sswd", *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)


def sswd(daemon: Daemon, *words: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of the program."""
    with started(daemon, *words) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def good(daemon: Daemon, *words: str) -> str:
    code, out, err = sswd(daemon, *words)
    assert (code, err) == (0, "")
    return out


def objects(daemon: Daemon, *words: str) -> list[dict]:
    return [json.loads(line) for line in good(daemon, *words, "--json").splitlines()]


def status(daemon: Daemon) -> dict:
    _, out, _ = sswd(daemon, "status", "--json")
    return json.loads(out)


def main_of(told: dict) -> dict:
    return told["systems"][0]


# ---- PVs


def test_call_waits_for_the_end(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}MAIN:CMD"
    assert good(daemon, "call", pv, "sleep 0.2").startswith(f"{pv}: done in 0.2")
    assert daemon.get("MAIN:message") == "after sleep 0.2"


@pytest.mark.parametrize(
    ("pv", "value", "code", "words"),
    [
        ("MAIN:CMD", "nonsense 1", 1, "has no attribute 'do_nonsense'"),
        ("MAIN:LEVEL", "11", 1, "rejected: 11"),
        ("MAIN:LEVEL", "x", 1, "rejected: "),
        ("MAIN:MODE", "upside down", 1, "rejected: "),
        ("MAIN:ACK", "1", 1, "clients may not write it"),
        ("MAIN:NONE", "1", 4, "there is no PV"),
    ],
)
def test_call_tells_what_failed(
    daemon: Daemon, pv: str, value: str, code: int, words: str
) -> None:
    found, out, err = sswd(daemon, "call", daemon.prefix + pv, value)
    assert (found, out) == (code, "")
    assert words in err


def test_call_takes_numbers_and_states(daemon: Daemon) -> None:
    for pv, value in (("LEVEL", "2.5"), ("MODE", "on")):
        sswd(daemon, "call", f"{daemon.prefix}MAIN:{pv}", value)
    names = [f"{daemon.prefix}MAIN:{pv}" for pv in ("LEVEL", "MODE", "values")]
    values = objects(daemon, "watch", "--once", *names)
    assert [value["value"] for value in values] == [2.5, "on", [1.0, 2.0]]


def test_watch_follows(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}OTHER:CMD"
    with started(daemon, "watch", pv) as process:
        assert process.stdout is not None
        process.stdout.readline()
        good(daemon, "call", pv, "news")
        assert f"{pv}  news" in process.stdout.readline()


def test_a_watcher_that_hangs_up_is_forgotten(daemon: Daemon) -> None:
    before = len(os.listdir(f"/proc/{daemon.pid}/fd"))
    with started(daemon, "watch", f"{daemon.prefix}OTHER:CMD") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) <= before, "the end")


# ---- who and what


def test_commands_tell_who_when_and_how_it_ended(daemon: Daemon) -> None:
    daemon.put("OTHER:CMD", "by Channel Access")
    sswd(daemon, "call", f"{daemon.prefix}MAIN:CMD", "nonsense 2")
    *_, by_ca, by_call = objects(daemon, "commands", "--last", "2")
    assert (by_ca["system"], by_ca["state"]) == ("other", "DONE")
    assert by_ca["value"] == "'by Channel Access'"
    assert "@" in by_ca["who"]
    assert by_call["state"] == "FAILED"
    assert "do_nonsense" in by_call["error"]
    assert "@localhost (pid " in by_call["who"]
    table = good(daemon, "commands", "other")
    assert "by Channel Access" in table
    assert "nonsense" not in table


def test_a_client_is_listed_and_can_be_closed(daemon: Daemon) -> None:
    port = int(daemon.env["EPICS_CA_SERVER_PORT"])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        name = f"127.0.0.1:{client.getsockname()[1]}"
        client.recv(16)  # its version: we are served
        listed = {c["id"]: c for c in objects(daemon, "clients")}
        assert listed[name]["channels"] == 0
        assert name in good(daemon, "clients")
        good(daemon, "clients", "--close", name)
        assert client.recv(1) == b""
    code, _, err = sswd(daemon, "clients", "--close", name)
    assert (code, err) == (4, f"sswd: there is no client '{name}'\n")


def test_a_level_is_set_at_run_time(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}OTHER:CMD"
    assert "done" not in good(daemon, "logs", "-n", "20")
    assert good(daemon, "level", "sswd.ioc", "debug") == "sswd.ioc  DEBUG\n"
    good(daemon, "call", pv, "x")
    assert "CMD 'x': done" in good(daemon, "logs", "-n", "20")
    assert "sswd.ioc  DEBUG" in good(daemon, "level")
    good(daemon, "level", "sswd.ioc", "notset")


def test_the_log_is_followed(daemon: Daemon) -> None:
    with started(daemon, "logs", "-f", "-n", "0") as process:
        assert process.stdout is not None
        until(lambda: "logs" in sys_args(process.pid), "the program")
        for _ in range(20):  # it may not have asked yet
            sswd(daemon, "call", f"{daemon.prefix}MAIN:CMD", "nonsense 3")
            if process.stdout.readable():
                break
        line = process.stdout.readline()
        assert "WARNING sswd.ioc: command" in line
        assert "nonsense 3" in line


def sys_args(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_stacks_while_a_worker_holds_the_gil(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}MAIN:CMD"
    with started(daemon, "call", pv, "crunch 20"):
        daemon.wait_for("MAIN:WORKER:STALLED", "Yes")
        code, out, _ = sswd(daemon, "status")
        assert code == 3
        assert "WRONG  main: the worker is silent during command" in out
        assert "do:  `sswd stack` shows where; `sswd restart` ends it" in out
        text = good(daemon, "stack", "main")
        assert "in do_crunch" in text
        assert "in own_stacks" in text  # and the IOC's
        assert good(daemon, "restart", "main").startswith("main: RUNNING, run ")


# ---- orders


def test_restart_waits_for_the_new_worker(daemon: Daemon) -> None:
    before = main_of(status(daemon))
    told = good(daemon, "restart", "main")
    after = main_of(status(daemon))
    assert after["run"] == before["run"] + 1
    assert told == f"main: RUNNING, run {after['run']}, pid {after['pid']}\n"


def test_stop_and_start(daemon: Daemon) -> None:
    assert good(daemon, "stop", "other") == "other: STOPPED\n"
    code, out, _ = sswd(daemon, "status")
    assert code == 3
    assert "WRONG  other: the worker is stopped\n  do:  `sswd start`" in out
    assert good(daemon, "start", "other").startswith("other: RUNNING, run ")


def test_abort_ends_what_runs(daemon: Daemon) -> None:
    with started(daemon, "call", f"{daemon.prefix}MAIN:CMD", "sleep 60") as call:
        daemon.wait_for("MAIN:BUSY", "Busy")
        assert "has ended" in good(daemon, "abort", "main")
        _, err = call.communicate(timeout=30)
    assert "aborted by a put to ABORT" in err
    assert call.returncode == 1
    daemon.wait_for("MAIN:WORKER:STATE", "RUNNING")


def test_reload_restarts_all(daemon: Daemon) -> None:
    before = [system["run"] for system in status(daemon)["systems"]]
    good(daemon, "reload")
    after = [system["run"] for system in status(daemon)["systems"]]
    assert [b + 1 for b in before] == after


def test_which_system_is_asked_back(daemon: Daemon) -> None:
    code, _, err = sswd(daemon, "restart")
    assert (code, err) == (1, "sswd: which system? main, other, or all\n")
    code, _, err = sswd(daemon, "restart", "third")
    assert code == 4
    assert "there is no system 'third'; there are main, other" in err
