"""What operators do through the control socket, with one real daemon."""

import math
import os
import re
import socket
from collections.abc import Iterator

import pytest
from control import good, objects, sswd, started, status, two_systems
from daemon import until

from sswd.testing import Daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with two_systems() as daemon:
        yield daemon


def main_of(told: dict) -> dict:
    return told["systems"][0]


# ---- PVs


def test_call_waits_for_the_end(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}MAIN:CMD"
    assert good("call", pv, "sleep 0.2").startswith(f"{pv}: done in 0.2")
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
    found, out, err = sswd("call", daemon.prefix + pv, value)
    assert (found, out) == (code, "")
    assert words in err


def test_call_takes_numbers_and_states(daemon: Daemon) -> None:
    for pv, value in (("LEVEL", "2.5"), ("MODE", "on")):
        sswd("call", f"{daemon.prefix}MAIN:{pv}", value)
    names = [f"{daemon.prefix}MAIN:{pv}" for pv in ("LEVEL", "MODE", "values")]
    values = objects("watch", "--once", *names)
    assert [value["value"] for value in values] == [2.5, "on", [1.0, 2.0]]


def test_watch_follows(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}OTHER:CMD"
    with started("watch", pv) as process:
        assert process.stdout is not None
        process.stdout.readline()
        good("call", pv, "news")
        assert f"{pv}  news" in process.stdout.readline()


def test_a_watcher_that_hangs_up_is_forgotten(daemon: Daemon) -> None:
    before = len(os.listdir(f"/proc/{daemon.pid}/fd"))
    with started("watch", f"{daemon.prefix}OTHER:CMD") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) <= before, "the end")


# ---- who and what


def test_commands_tell_who_when_and_how_it_ended(daemon: Daemon) -> None:
    daemon.put("OTHER:CMD", "by Channel Access")
    sswd("call", f"{daemon.prefix}MAIN:CMD", "nonsense 2")
    *_, by_ca, by_call = objects("commands", "--last", "2")
    assert (by_ca["system"], by_ca["state"]) == ("other", "DONE")
    assert by_ca["prefix"] == f"{daemon.prefix}OTHER:"
    assert by_ca["value"] == "'by Channel Access'"
    assert "@" in by_ca["who"]
    assert by_call["state"] == "FAILED"
    assert "do_nonsense" in by_call["error"]
    assert "@localhost (pid " in by_call["who"]
    table = good("commands", "other")
    assert "by Channel Access" in table
    assert "nonsense" not in table


def test_a_client_is_listed_and_can_be_closed(daemon: Daemon) -> None:
    port = int(daemon.env["EPICS_CA_SERVER_PORT"])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        name = f"127.0.0.1:{client.getsockname()[1]}"
        client.recv(16)  # its version: we are served
        listed = {c["id"]: c for c in objects("clients")}
        assert listed[name]["channels"] == 0
        assert name in good("clients")
        assert objects("clients", "--close", name) == [{"closed": name}]
        assert client.recv(1) == b""
    code, _, err = sswd("clients", "--close", name)
    assert (code, err) == (4, f"sswd: there is no client '{name}'\n")


def test_a_level_is_set_at_run_time(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}OTHER:CMD"
    assert good("level", "sswd.ioc", "warning") == "sswd.ioc  WARNING\n"
    good("call", pv, "quiet")
    assert "CMD 'quiet': done" not in good("logs", "-n", "20")
    assert "sswd.ioc  WARNING" in good("level")
    good("level", "sswd.ioc", "notset")
    good("call", pv, "loud")
    assert "CMD 'loud': done" in good("logs", "-n", "20")


def test_the_log_is_followed(daemon: Daemon) -> None:
    with started("logs", "-f", "-n", "1") as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has asked
        sswd("call", f"{daemon.prefix}MAIN:CMD", "nonsense 3")
        line = process.stdout.readline()
        assert "WARNING sswd.ioc: command" in line
        assert "nonsense 3" in line


def test_stacks_while_a_worker_holds_the_gil(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}MAIN:CMD"
    with started("call", pv, "crunch 6"):
        daemon.wait_for("MAIN:WORKER:STALLED", "Yes")
        code, out, _ = sswd("status")
        assert code == 3
        cause = r"WRONG  main: the worker is silent during command .*: its GIL is held"
        assert re.search(cause, out)
        assert "do:  `sswd stack` shows where; `sswd restart` ends it" in out
        text = good("stack", "main")
        assert main_of(status())["stalled"], "no Python code has run meanwhile"
        assert "in do_crunch" in text
        assert "in own_stacks" in text  # and the IOC's
    daemon.wait_for("MAIN:BUSY", "Idle", timeout_s=60)
    until(lambda: not main_of(status())["stalled"], "a sign of life")


def test_top_shows_the_status_and_the_last_commands(daemon: Daemon) -> None:
    good("call", f"{daemon.prefix}OTHER:CMD", "seen from top")
    text = good("top", "--count", "2", "--period", "0.1")
    assert "system other" in text
    assert "CMD 'seen from top' by " in text


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("call @OTHER:CMD json", {"kind", "v", "words"}),
        ("abort other", {"system", "good", "words"}),
        ("logs -n 1", {"time", "level", "logger", "message"}),
        ("level sswd.ioc", {"kind", "v", "logger", "level"}),
        ("stack other", {"kind", "v", "of", "text"}),
        ("top --count 1", {"status", "commands"}),
    ],
)
def test_each_prints_json(daemon: Daemon, command: str, keys: set[str]) -> None:
    words = command.replace("@", daemon.prefix).split()
    told = objects(*words)
    assert told
    assert all(keys <= each.keys() for each in told)


# ---- orders


def test_restart_waits_for_the_new_worker(daemon: Daemon) -> None:
    # A restart within a second of one would mean that one.
    until(lambda: main_of(status())["phase"] == "RUNNING", "an older run")
    before = main_of(status())
    told = good("restart", "main")
    after = main_of(status())
    assert after["run"] == before["run"] + 1
    assert told == f"main: RUNNING, run {after['run']}, pid {after['pid']}\n"


def test_stop_and_start(daemon: Daemon) -> None:
    stopped = {"system": "other", "good": True, "words": "STOPPED"}
    assert objects("stop", "other") == [stopped]
    code, out, _ = sswd("status")
    assert code == 3
    assert "WRONG  other: the worker is stopped\n  do:  `sswd start`" in out
    assert good("start", "other").startswith("other: RUNNING, run ")


def test_abort_ends_what_runs(daemon: Daemon) -> None:
    pv = f"{daemon.prefix}MAIN:CMD"
    with started("call", pv, "lost 60") as call:
        until(lambda: math.isnan(daemon.get("MAIN:PROGRESS")), "its progress")
        assert main_of(status())["running"]["progress"] == 0
        with started("call", pv, "sleep 0") as two:
            until(lambda: main_of(status())["queue"] == 1, "the one that waits")
            *_, runs, waits = objects("commands", "main")
            assert (runs["state"], waits["state"]) == ("RUNNING", "QUEUED")
            assert "has ended" in good("abort", "main")
            _, err = call.communicate(timeout=30)
            two.communicate(timeout=30)
    assert (call.returncode, two.returncode) == (1, 1)
    assert "aborted by a put to ABORT" in err
    daemon.wait_for("MAIN:WORKER:STATE", "RUNNING")


def test_reload_restarts_all(daemon: Daemon) -> None:
    until(lambda: main_of(status())["phase"] == "RUNNING", "an older run")
    before = [system["run"] for system in status()["systems"]]
    assert [told["good"] for told in objects("reload")] == [True, True]
    after = [system["run"] for system in status()["systems"]]
    assert [b + 1 for b in before] == after


def test_a_bad_file_is_refused_and_nothing_restarts(daemon: Daemon) -> None:
    file = daemon.folder / "sswd.toml"
    before, good_text = status(), file.read_text()
    file.write_text("no toml")
    try:
        code, _, err = sswd("reload")
    finally:
        file.write_text(good_text)
    assert code == 1
    assert "not reloaded, nothing changes: " in err
    assert [s["run"] for s in status()["systems"]] == [
        s["run"] for s in before["systems"]
    ]


def test_which_system_is_asked_back(daemon: Daemon) -> None:
    code, _, err = sswd("restart")
    assert (code, err) == (1, "sswd: which system? main, other, or all\n")
    code, _, err = sswd("restart", "third")
    assert code == 4
    assert "there is no system 'third'; there are main, other" in err
