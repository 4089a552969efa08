"""Rows 16 to 18: the daemon ends, by every way there is, and takes all with it."""

import os
import pty
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from client import Client
from daemon import until
from served import assert_nothing_left, offspring, served
from systems import one_system

from sswd.testing import Daemon

HERE = Path(__file__).parent
STOPS_S = 8.0
"""Within which the daemon's end is promised, whatever the workers do."""
CASES = """
prefix = "@"
[system.idle]
target = "stalls:Careful"
prefix = "idle:"
args = { journal = "FOLDER/idle" }
[system.command]
target = "stalls:Careful"
prefix = "command:"
args = { journal = "FOLDER/command" }
command.abort_s = [60.0, 60.0, 60.0]
[system.ignores]
target = "stalls:Careful"
prefix = "ignores:"
args = { journal = "FOLDER/ignores" }
[system.closes]
target = "stalls:Careful"
prefix = "closes:"
args = { journal = "FOLDER/closes", close_s = 3600.0 }
[system.setup]
target = "stalls:Careful"
prefix = "setup:"
args = { journal = "FOLDER/setup", setup_s = 3600.0 }
[system.stopped]
target = "stalls:Careful"
prefix = "stopped:"
args = { journal = "FOLDER/stopped" }
"""
RUNNING = ("idle:", "command:", "ignores:", "closes:", "stopped:")


def careful(folder: Path) -> str:
    return one_system("stalls:Careful", args=f'journal = "{folder}/main"')


def worker_of(daemon: Daemon, client: Client, system: str = "") -> psutil.Process:
    return psutil.Process(client.get(f"{daemon.prefix}{system}WORKER:PID"))


def end(daemon: Daemon, number: signal.Signals, limit_s: float) -> str:
    """Send a signal; the daemon exits with 0 and leaves nothing. The log from there."""
    begun_s = time.monotonic()
    code = daemon.stop(number, limit_s + 5.0)
    took_s = time.monotonic() - begun_s
    assert code == 0
    assert took_s < limit_s, daemon.log
    assert_nothing_left(daemon)
    log = daemon.log
    assert "Traceback" not in log
    assert log.rstrip().endswith("stopped")
    after = log.partition(f"{number.name} received")[2]
    assert "-> STARTING" not in after  # no new worker
    return after


@pytest.mark.timing
@pytest.mark.row(17)
def test_term_in_six_situations_at_once(client: Client, tmp_path: Path) -> None:
    config = CASES.replace("FOLDER", str(tmp_path))
    with served(config, client, RUNNING) as daemon:
        prefix = daemon.prefix
        client.wait_for(prefix + "setup:WORKER:STATE", "STARTING")
        worker_of(daemon, client, "stopped:").send_signal(signal.SIGSTOP)
        put = client.start_put(prefix + "command:CMD", "sleep 3600")
        ignored = client.start_put(prefix + "ignores:CMD", "ignore 3600")
        state = client.monitor(prefix + "command:CMD_STATE")
        failed_s: list[float] = []
        client.wait_for(prefix + "ignores:message", "in ignore 3600")
        client.wait_for(prefix + "command:message", "in sleep 3600")
        until((tmp_path / "setup").exists, "the setup of 'setup'")

        begun_s = time.monotonic()
        put.add_done_callback(lambda _: failed_s.append(time.monotonic() - begun_s))
        after = end(daemon, signal.SIGTERM, STOPS_S)
        took_s = time.monotonic() - begun_s

    print(f"\nTERM in six situations: {took_s:.1f} s")
    assert put.result(0) is False
    assert ignored.result(0) is False  # told before the circuits closed
    assert state.values[-2:] == ["ABORTED", None]
    assert failed_s[0] < 4.0  # the flag had two seconds of them, not its 60
    for name, ended in (
        ("idle", "close closed"),
        ("command", "close closed"),
        ("ignores", ""),
        ("closes", "close"),
        ("setup", "close closed"),
        ("stopped", ""),
    ):
        wrote = (tmp_path / name).read_text().split()
        assert wrote == ["setup", *ended.split()], name
    for name in ("ignores", "closes", "stopped"):
        killed = f"worker '{name}' (run 1) was killed by SIGKILL (it had been asked"
        assert killed in after


@pytest.mark.timing
@pytest.mark.row(17)
@pytest.mark.parametrize("moment", ["STOPPING", "STARTING", "BACKOFF"])
def test_term_during_a_restart(client: Client, tmp_path: Path, moment: str) -> None:
    with served(careful(tmp_path), client) as daemon:
        state = client.monitor(daemon.prefix + "WORKER:STATE")
        client.wait_for(daemon.prefix + "WORKER:UPTIME", lambda up: up.value > 0)
        if moment == "BACKOFF":
            worker_of(daemon, client).kill()
        else:
            client.put(daemon.prefix + "WORKER:RESTART", 1)
        state.wait_for(moment)
        end(daemon, signal.SIGTERM, 3.0)


@pytest.mark.timing
@pytest.mark.row(17)
def test_a_second_term_is_quick(client: Client, tmp_path: Path) -> None:
    with served(careful(tmp_path), client) as daemon:
        put = client.start_put(daemon.prefix + "CMD", "ignore 3600")
        client.wait_for(daemon.prefix + "message", "in ignore 3600")
        daemon.process.send_signal(signal.SIGTERM)
        client.wait_for(daemon.prefix + "WORKER:STATE", "STOPPING")
        assert "second signal: killing" in end(daemon, signal.SIGTERM, 2.0)
        assert put.result(10.0) is False


@pytest.mark.row(17)
def test_term_again_and_again_spoils_nothing(client: Client, tmp_path: Path) -> None:
    with served(careful(tmp_path), client) as daemon:

        def has_ended() -> bool:
            daemon.process.send_signal(signal.SIGTERM)
            return daemon.process.poll() is not None

        until(has_ended, "its end", 2 * STOPS_S, pause_s=0.002)
        assert daemon.process.returncode == 0
        assert "Traceback" not in daemon.log


@pytest.mark.row(16)
@pytest.mark.parametrize(
    "kind", ["idle", "stopped", "gil", "with a child", "without guard"]
)
def test_the_ioc_is_killed(client: Client, tmp_path: Path, kind: str) -> None:
    """The guard does it, for the children too; PDEATHSIG when there is no guard."""
    with served(careful(tmp_path), client) as daemon:
        worker = worker_of(daemon, client)
        if kind == "stopped":
            worker.send_signal(signal.SIGSTOP)
        elif kind == "gil":
            client.start_put(daemon.prefix + "CMD", "gil 60", wait=False)
            client.wait_for(daemon.prefix + "message", "in gil 60")
        elif kind == "with a child":
            assert client.put(daemon.prefix + "CMD", "child 3600")
            assert any(p.name() == "sleep" for p in offspring(daemon))
        elif kind == "without guard":
            guard = next(p for p in offspring(daemon) if "guard.py" in p.cmdline()[-1])
            guard.kill()
        begun_s = time.monotonic()
        daemon.process.kill()
        daemon.process.wait()
        assert_nothing_left(daemon, 5 * 2.0)
        print(
            f"\nIOC killed, worker {kind}: gone in {time.monotonic() - begun_s:.2f} s"
        )


class Terminal:
    """A terminal in whose foreground a daemon runs."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.command = (sys.executable, HERE / "on_terminal.py", "-m", "sswd")
        self.env = {"TERMINAL": os.ttyname(self.slave)}

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def close(self) -> None:
        """Close the window: the daemon gets SIGHUP."""
        if self.master >= 0:
            os.close(self.slave)
            os.close(self.master)
            self.master = -1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.mark.row(18)
def test_ctrl_c(client: Client, tmp_path: Path, terminal: Terminal) -> None:
    options = {"command": terminal.command, "env": terminal.env}
    with served(careful(tmp_path), client, **options) as daemon:
        put = client.start_put(daemon.prefix + "CMD", "sleep 3600")
        client.wait_for(daemon.prefix + "message", "in sleep 3600")
        terminal.type(b"\x03")
        assert put.result(10.0) is False
        assert daemon.process.wait(STOPS_S) == 0
        log = daemon.log
    assert (tmp_path / "main").read_text().split() == ["setup", "close", "closed"]
    assert log.count("SIGINT received") == 1
    for word in ("KeyboardInterrupt", "Traceback", "SIGKILL"):
        assert word not in log


@pytest.mark.row(18)
def test_closing_the_terminal_is_a_clean_stop(
    client: Client, tmp_path: Path, terminal: Terminal
) -> None:
    options = {"command": terminal.command, "env": terminal.env}
    with served(careful(tmp_path), client, **options) as daemon:
        terminal.close()
        assert daemon.process.wait(STOPS_S) == 0
        log = daemon.log
    assert (tmp_path / "main").read_text().split() == ["setup", "close", "closed"]
    assert "SIGHUP received" in log
    assert "restarting" not in log


@pytest.mark.row(18)
@pytest.mark.parametrize("first", ["SIGHUP", "SIGTERM"])
def test_a_terminal_that_closes_is_no_second_signal(
    client: Client, tmp_path: Path, terminal: Terminal, first: str
) -> None:
    """procServ sends TERM and closes the terminal at once; either may come first."""
    args = f'journal = "{tmp_path}/main"\nclose_s = 0.5'
    options = {"command": terminal.command, "env": terminal.env}
    with served(one_system("stalls:Careful", args=args), client, **options) as daemon:
        orders = [terminal.close, lambda: daemon.process.send_signal(signal.SIGTERM)]
        for order in orders if first == "SIGHUP" else orders[::-1]:
            order()
            until(lambda: "close" in (tmp_path / "main").read_text(), "its close()")
        assert daemon.process.wait(STOPS_S) == 0
        log = daemon.log
    assert (tmp_path / "main").read_text().split() == ["setup", "close", "closed"]
    assert log.count("SIGHUP received") == log.count("SIGTERM received") == 1
    assert "second signal" not in log
