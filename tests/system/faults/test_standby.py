"""The warm standby: a crash costs no imports, and broken code no running worker."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from client import Client, Monitor, ca_is_up
from daemon import until
from served import offspring, served, steady

from sswd.testing import Daemon

CONFIG = """
prefix = "@"
[system.warm]
target = "slow_import:Fresh"
prefix = "warm:"
standby = true
args.journal = "FOLDER/warm"
restart.start_s = 4.0
[system.cold]
target = "slow_import:Fresh"
prefix = "cold:"
args.journal = "FOLDER/cold"
restart.start_s = 4.0
"""
CODE = """
import os
import time
from pathlib import Path
from sswd import System

Path(__file__).with_name(f"imported by {{os.getpid()}}").touch()
time.sleep({import_s})

class Fresh(System):
    def __init__(self, journal):
        with Path(journal).open("a") as file:
            file.write("made version {version}\\n")

    def setup(self):
        self.io_put("message", "version {version}")

    def on_CMD(self, text):
        self.io_put("message", text)
        time.sleep(float(text))
"""
IMPORT_S = 1.0
SYSTEMS = ("warm:", "cold:")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module is that is edited while its worker runs."""
    folder = tmp_path_factory.mktemp("fresh")
    write(folder, "one")
    return folder


def write(folder: Path, version: str, import_s: float = IMPORT_S) -> None:
    """Edit the driver. The length changes too: the clock of files is coarse."""
    text = CODE.format(version=version, import_s=import_s)
    (folder / "slow_import.py").write_text(text)


@pytest.fixture(scope="module")
def survivor(session_client: Client, folder: Path) -> Iterator[Daemon]:
    config = CONFIG.replace("FOLDER", str(folder))
    with served(config, session_client, SYSTEMS, folder=folder) as daemon:
        yield daemon


@pytest.fixture
def daemon(survivor: Daemon, client: Client) -> Iterator[Daemon]:
    """With a standby that waits, and workers that have proved themselves."""
    for system in SYSTEMS:
        uptime = survivor.prefix + system + "WORKER:UPTIME"
        client.wait_for(uptime, lambda up: up.value > 1)
    with steady(survivor, client):
        yield survivor


def worker_pids(daemon: Daemon) -> set[int]:
    """All processes of the daemon that are neither IOC nor guard."""
    found = set()
    for process in offspring(daemon):
        # For psutil, one that waits to be reaped is no such process either.
        with contextlib.suppress(psutil.NoSuchProcess):
            command = process.cmdline()  # none: it has just ended
            if command and process.pid != daemon.pid and "guard.py" not in command[-1]:
                found.add(process.pid)
    return found


def standby_pid(daemon: Daemon, client: Client) -> int:
    """The worker that no PV shows."""
    active = {client.get(f"{daemon.prefix}{s}WORKER:PID") for s in SYSTEMS}
    until(lambda: len(worker_pids(daemon) - active) == 1, "one standby")
    return (worker_pids(daemon) - active).pop()


def healed_s(client: Client, prefix: str, state: Monitor) -> float:
    """Kill a worker and wait for the next one; how long that took, in s."""
    pid = client.get(prefix + "WORKER:PID")
    killed_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return state.wait_for("RUNNING", since_s=killed_s).at_s - killed_s


@pytest.mark.timing
def test_a_crash_costs_no_imports(daemon: Daemon, client: Client, folder: Path) -> None:
    warm, cold = (daemon.prefix + system for system in SYSTEMS)
    for prefix in (warm, cold):
        client.wait_for(prefix + "WORKER:UPTIME", lambda up: up.value > 5)
    waiting = standby_pid(daemon, client)
    assert (folder / "warm").read_text().count("made") == 1  # not constructed

    state = client.monitor(warm + "WORKER:STATE")
    warm_s = healed_s(client, warm, state)
    assert client.get(warm + "WORKER:PID") == waiting
    cold_s = healed_s(client, cold, client.monitor(cold + "WORKER:STATE"))
    print(
        f"\nSIGKILL after a run of 5 s to RUNNING: {warm_s * 1000:.0f} ms with "
        f"standby, {cold_s * 1000:.0f} ms without (its import takes {IMPORT_S:g} s)"
    )
    assert warm_s < 5 * 0.05 + 0.25
    assert IMPORT_S < cold_s < IMPORT_S + 5 * 0.5
    assert state.values == ["RUNNING", "BACKOFF", "STARTING", "RUNNING"]
    assert standby_pid(daemon, client) != waiting  # there is another one


@pytest.mark.timing
def test_restart_imports_fresh_code_while_the_worker_runs(
    daemon: Daemon, client: Client, folder: Path
) -> None:
    prefix = daemon.prefix + "warm:"
    state = client.monitor(prefix + "WORKER:STATE")
    message = client.monitor(prefix + "message")
    write(folder, "two by RESTART")
    asked_s = time.monotonic()
    assert client.put(prefix + "WORKER:RESTART", 1)
    assert client.put(prefix + "CMD", "0.1")  # it still works
    down = state.wait_for("STOPPING")
    up = state.wait_for("RUNNING", since_s=down.at_s)
    message.wait_for("version two by RESTART")
    assert down.at_s - asked_s > IMPORT_S
    print(f"\nRESTART with standby: down for {(up.at_s - down.at_s) * 1000:.0f} ms")
    assert up.at_s - down.at_s < IMPORT_S
    assert state.drops == 0


@pytest.mark.timing
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module_here\n", "ModuleNotFoundError: No module named"),
        ("def broken(:\n", "SyntaxError: invalid syntax"),
        ("import os\nos._exit(9)\n", "exited with code 9"),
        ("import time\ntime.sleep(3600)\n", "its import took longer than 4 s"),
    ],
)
def test_code_that_does_not_load_is_refused(
    daemon: Daemon,
    client: Client,
    folder: Path,
    system: str,
    code: str,
    reason: str,
) -> None:
    """With a standby and without: a typo never ends a healthy worker."""
    prefix = daemon.prefix + system
    pid = client.get(prefix + "WORKER:PID")
    state = client.monitor(prefix + "WORKER:STATE")
    error = client.monitor(prefix + "WORKER:LAST_ERROR")
    waiting = standby_pid(daemon, client)
    (folder / "slow_import.py").write_text(code)
    if "SyntaxError" in reason:
        daemon.process.send_signal(signal.SIGHUP)
    else:
        assert client.put(prefix + "WORKER:RESTART", 1)
    told = error.wait_for(lambda seen: reason in seen.value)
    assert "restart refused, fresh code does not load" in told.value
    assert state.values == ["RUNNING"]
    assert client.get(prefix + "WORKER:PID") == pid
    assert client.put(prefix + "CMD", "0")
    ca_is_up(daemon, client, system)
    # The code that waits is that of the worker that goes on: a crash costs no import.
    assert standby_pid(daemon, client) == waiting

    write(folder, "a good one again " * (1 + len(reason) % 7))
    assert client.put(prefix + "WORKER:RESTART", 1)
    state.wait_for(lambda _: state.values.count("RUNNING") == 2)
    standby_pid(daemon, client)


@pytest.mark.timing
def test_a_standby_that_still_imports_outlives_a_refused_restart(
    daemon: Daemon, client: Client, folder: Path
) -> None:
    prefix = daemon.prefix + "warm:"
    state = client.monitor(prefix + "WORKER:STATE")
    error = client.monitor(prefix + "WORKER:LAST_ERROR")
    healed_s(client, prefix, state)  # by the former standby
    importing = standby_pid(daemon, client)
    until((folder / f"imported by {importing}").exists, "the good code to be read")
    (folder / "slow_import.py").write_text("def broken(:\n")
    assert client.put(prefix + "WORKER:RESTART", 1)
    error.wait_for(lambda seen: "SyntaxError" in seen.value)
    assert standby_pid(daemon, client) == importing

    os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)
    state.wait_for(lambda _: state.values.count("RUNNING") == 3)
    assert client.get(prefix + "WORKER:PID") == importing
    write(folder, "mended once more")


def test_a_standby_that_was_killed_is_not_missed(
    daemon: Daemon, client: Client, folder: Path
) -> None:
    prefix = daemon.prefix + "warm:"
    state = client.monitor(prefix + "WORKER:STATE")
    os.kill(standby_pid(daemon, client), signal.SIGKILL)
    until(
        lambda: "standby worker: was killed by SIGKILL" in daemon.log, "it to be seen"
    )
    assert state.values == ["RUNNING"]
    assert healed_s(client, prefix, state) > IMPORT_S  # as without a standby
    assert client.put(prefix + "CMD", "0")
    standby_pid(daemon, client)
