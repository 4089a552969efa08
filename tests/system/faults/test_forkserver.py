"""`start = "fork"`: what is promised of a spawned worker holds for a forked one."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from client import Client
from control import found_here, sswd, status
from daemon import until
from served import START_S, served, steady
from systems import MISBEHAVING

from sswd.testing import Daemon, running_daemon

SYSTEM = """
[system.{0}]
target = "{1}"
prefix = "{0}:"
start = "{2}"
restart = {{ delay_s = 0.05 }}
"""


def systems(*given: tuple[str, str, str]) -> str:
    return 'prefix = "@"\n' + "".join(SYSTEM.format(*one) for one in given)


@pytest.mark.row(16)
def test_forked_workers_beside_spawned_ones(client: Client) -> None:
    """They are alike, but for their size. At the end the IOC is killed, and `served`
    asks whether a process is left."""
    names = [
        (f"{how}{n}", "forked:Facts", how) for how in HOWS for n in range(HOWS[how])
    ]
    prefixes = [f"{name}:" for name, _, _ in names]
    with served(systems(*names), client, systems=prefixes) as daemon:
        facts = {
            how: client.get(f"{daemon.prefix}{how}0:TOLD").splitlines() for how in HOWS
        }
        assert len(facts["spawn"]) > 20
        assert facts["fork"] == facts["spawn"]
        drawn = [client.get(f"{daemon.prefix}{name}RANDOM") for name in prefixes]
        assert len({number for pair in drawn for number in pair.split()}) == 20
        kb = {how: pss_kb(forkserver(daemon)) if how == "fork" else 0 for how in HOWS}
        for (_, _, how), prefix in zip(names, prefixes, strict=True):
            kb[how] += pss_kb(client.get(f"{daemon.prefix}{prefix}WORKER:PID"))
        as_many = kb["spawn"] * HOWS["fork"] / HOWS["spawn"]
        assert kb["fork"] < 0.6 * as_many, kb
        daemon.stop(signal.SIGKILL)


HOWS = {"spawn": 2, "fork": 8}
"""How many of each."""


def pss_kb(pid: int) -> int:
    """Its memory; what it shares with others is divided by their number."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1])


@pytest.fixture(scope="module")
def shared(session_client: Client) -> Iterator[Daemon]:
    """One daemon for many deaths; it has survived those before."""
    config = systems(
        ("mortal", "deaths:Mortal", "fork"), ("leaves", "leaves:Leaves", "fork")
    )
    with served(config, session_client, systems=("mortal:", "leaves:")) as daemon:
        yield daemon


@pytest.fixture
def daemon(shared: Daemon, client: Client) -> Iterator[Daemon]:
    for system in ("mortal:", "leaves:"):
        client.wait_for(shared.prefix + system + "WORKER:STATE", "RUNNING")
    with steady(shared, client):
        yield shared


def mark_of(pid: int) -> str:
    """What others see of the variable SSWD_RUN of a process."""
    environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    marks = [each for each in environ if each.startswith(b"SSWD_RUN=")]
    return marks[0].partition(b"=")[2].decode() if marks else ""


def forkserver(daemon: Daemon) -> int:
    """The pid of the daemon's fork server."""
    children = psutil.Process(daemon.pid).children()
    (pid,) = [c.pid for c in children if ":forkserver_" in mark_of(c.pid)]
    return pid


def pipes_of(pid: int) -> set[str]:
    targets = (os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir())
    return {t for t in targets if t.startswith(("pipe:", "socket:"))}


def worker(daemon: Daemon, client: Client, system: str = "mortal:") -> int:
    """Its pid; fails unless it was forked, and is the IOC's child all the same."""
    pid = int(client.get(f"{daemon.prefix}{system}WORKER:PID"))
    process = psutil.Process(pid)
    assert process.ppid() == daemon.pid
    assert "forkserver" not in mark_of(pid)
    assert process.cmdline() == psutil.Process(forkserver(daemon)).cmdline()
    return pid


def assert_healed(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "mortal:"
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    assert client.put(prefix + "CMD", "values 1 2 3")
    assert list(client.get(prefix + "values")) == [1, 2, 3]
    worker(daemon, client)


def test_status_names_the_fork_server(daemon: Daemon) -> None:
    with found_here(daemon):
        assert status()["ioc"]["forkserver"] == forkserver(daemon)
        assert f"  forks    by pid {forkserver(daemon)}\n" in sswd("status")[1]


def test_status_names_a_fork_server_that_a_reload_has_brought() -> None:
    config = systems(("mortal", "deaths:Mortal", "spawn"))
    with (
        running_daemon(config=config, folder=MISBEHAVING) as daemon,
        found_here(daemon),
    ):
        assert status()["ioc"]["forkserver"] is None
        file = daemon.folder / "sswd.toml"
        file.write_text(file.read_text().replace('"spawn"', '"fork"'))
        daemon.process.send_signal(signal.SIGHUP)
        words = "the fork server is ready"
        until(lambda: words in daemon.log, words, START_S)
        assert status()["ioc"]["forkserver"] == forkserver(daemon)

        def tells_why_none() -> bool:
            told = status()
            if pid := told["ioc"]["forkserver"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return words in [wrong["words"] for wrong in told["wrong"]]

        # One that dies before it is ready is not started anew at once.
        words = "the fork server does not fork: it was killed by SIGKILL"
        until(tells_why_none, words, START_S)


def test_no_process_holds_the_pipes_of_another(daemon: Daemon, client: Client) -> None:
    """Else a dead worker would give no end of file."""
    one, other = worker(daemon, client), worker(daemon, client, "leaves:")
    holders = (one, other, forkserver(daemon))
    held = [pipe for pid in holders for pipe in pipes_of(pid)]
    assert len(held) == len(set(held))
    assert mark_of(one) != mark_of(other)


@pytest.mark.row(2)
def test_a_forked_worker_is_killed_during_a_command(
    daemon: Daemon, client: Client
) -> None:
    prefix = daemon.prefix + "mortal:"
    put = client.start_put(prefix + "CMD", "sleep 60")
    client.wait_for(prefix + "message", "in sleep 60")
    os.kill(worker(daemon, client), signal.SIGKILL)
    assert put.result(10.0) is False
    assert client.get(prefix + "CMD_STATE") == "LOST"
    assert "was killed by SIGKILL" in client.get(prefix + "WORKER:LAST_EXIT")
    assert_healed(daemon, client)


@pytest.mark.row(5, 6)
@pytest.mark.parametrize(
    ("text", "words"),
    [("segfault", "was killed by SIGSEGV"), ("leave 3", "exited with code 3")],
)
def test_how_a_forked_worker_ended_is_told(
    daemon: Daemon, client: Client, text: str, words: str
) -> None:
    prefix = daemon.prefix + "mortal:"
    assert client.put(prefix + "CMD", text) is False
    assert words in client.get(prefix + "WORKER:LAST_EXIT")
    assert words in client.get(prefix + "CMD_ERROR")
    if text == "segfault":
        assert "in read_nowhere" in client.get(prefix + "WORKER:LAST_ERROR")
    assert_healed(daemon, client)


def test_abort_and_restart(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix + "mortal:"
    put = client.start_put(prefix + "CMD", "sleep 60")
    client.wait_for(prefix + "message", "in sleep 60")
    client.put(prefix + "ABORT", 1)
    assert put.result(10.0) is False
    assert client.get(prefix + "CMD_STATE") == "ABORTED"
    before = worker(daemon, client)
    client.put(prefix + "WORKER:RESTART", 1)
    client.wait_for(prefix + "WORKER:PID", lambda s: s.value not in (0, before))
    assert_healed(daemon, client)
    assert "exited with code 0" in client.get(prefix + "WORKER:LAST_EXIT")


@pytest.mark.row(54)
def test_programs_of_a_forked_worker_go_with_it(daemon: Daemon, client: Client) -> None:
    """They are found by the mark that the worker wrote over the fork server's."""
    prefix = daemon.prefix + "leaves:"
    started = []
    for what in ("session", "daemon", "fork"):
        assert client.put(prefix + "CMD", what)
        started.append(psutil.Process(int(client.get(prefix + "message"))))
    pid = worker(daemon, client, "leaves:")
    assert {mark_of(process.pid) for process in started} == {mark_of(pid)}
    os.kill(pid, signal.SIGKILL)
    _, left = psutil.wait_procs(started, timeout=10.0)
    assert left == []
    worker(daemon, client)  # the other one stays


def test_the_fork_server_is_killed(daemon: Daemon, client: Client) -> None:
    """Workers go on; another fork server makes the next one."""
    before, first = worker(daemon, client), forkserver(daemon)
    seen = len(daemon.log)
    os.kill(first, signal.SIGKILL)
    words = "the fork server was killed by SIGKILL; the workers go on"
    until(lambda: words in daemon.log[seen:], words)
    assert client.put(daemon.prefix + "mortal:CMD", "echo still")
    assert client.get(daemon.prefix + "mortal:message") == "still"
    words = "the fork server is ready"
    until(lambda: words in daemon.log[seen:], words, 20.0)
    os.kill(before, signal.SIGKILL)
    client.wait_for(
        daemon.prefix + "mortal:WORKER:PID", lambda s: s.value not in (0, before)
    )
    assert_healed(daemon, client)
    assert forkserver(daemon) != first
