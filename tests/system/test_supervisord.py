"""deploy/supervisor/sswd.conf as shipped, under a real supervisord from PyPI."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import psutil
import pytest
from daemon import assert_gone, family, until

from sswd.testing import Daemon, child_env, loopback_env

SHIPPED = Path(__file__).parents[2] / "deploy/supervisor/sswd.conf"
TARGET = Path(__file__).parent / "drivers/target.toml"
BIN = Path(sys.executable).parent
START_S = 30.0
NAMES, ROUNDS = ("one", "two", "three", "four"), 5
"""Daemons beside each other, and how often each is restarted: 20 times in all."""
TAIL_BYTES = 100_000  # by itself supervisorctl shows 1,600: a third of a stack dump
CONF = """
[unix_http_server]
file={folder}/sock
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/pid
childlogdir={folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/sock
[include]
files={shipped}
"""


RUNNING = "worker STARTING -> RUNNING"


class View(Daemon):
    """PVs of the sswd that supervisord runs; errors show the logs of both."""

    @property
    def log(self) -> str:
        logs = sorted(self.folder.glob("*log*"))
        return "".join(f"{log}:\n{log.read_text()[-3000:]}\n" for log in logs)


class Supervisord:
    """A supervisord that includes the shipped file, or `program`, and nothing else."""

    def __init__(
        self, folder: Path, config: Path, program: Path = SHIPPED, **env: str
    ) -> None:
        self._folder = folder
        self._conf = folder / "supervisord.conf"
        self._conf.write_text(CONF.format(folder=folder, shipped=program))
        ca = {**loopback_env(), **env}
        self._env = child_env(
            {
                **ca,
                "SSWD": str(BIN / "sswd"),
                "SSWD_CONFIG": str(config),
                "RUNTIME_DIRECTORY": str(folder / "run"),
                "STATE_DIRECTORY": str(folder / "state"),
            }
        )
        self._process = subprocess.Popen(
            [BIN / "supervisord", "-c", self._conf],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._env,
        )
        self.pvs = View(self._process, "T:", ca, folder)

    def ctl(self, *words: str) -> str:
        """What supervisorctl says; its exit code repeats it."""
        done = subprocess.run(
            [BIN / "supervisorctl", "-c", self._conf, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=self._env,
        )
        return done.stdout

    def tail(self) -> str:
        """The end of what sswd has written."""
        return self.ctl("tail", f"-{TAIL_BYTES}", "sswd")

    def log(self) -> str:
        """supervisord's own log."""
        log = self._folder / "supervisord.log"
        return log.read_text() if log.exists() else ""

    def daemon(self) -> int:
        """The pid of sswd, once its worker is RUNNING."""
        self.pvs.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)
        status = self.ctl("status", "sswd")
        match = re.search(r"RUNNING +pid (\d+)", status)
        assert match, status + self.log()
        return int(match[1])

    def families(self) -> list[psutil.Process]:
        """The daemons of NAMES and then their children, once all workers run."""
        logs = [self._folder / f"{name}.log" for name in NAMES]
        until(
            lambda: all(log.exists() and RUNNING in log.read_text() for log in logs),
            "all workers to run",
            START_S,
        )
        for log in logs:
            os.truncate(log, 0)  # the next life's words are to be its own
        pids = re.findall(r"RUNNING +pid (\d+)", self.ctl("status", *NAMES))
        assert len(pids) == len(NAMES), self.log()
        daemons, *children = zip_longest(*(family(int(pid)) for pid in pids))
        return [*daemons, *(c for same in children for c in same if c)]

    def close(self) -> None:
        """End supervisord, which ends what it runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, since a unix socket's path holds 108 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="sv"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.timeout(180)
def test_start_restart_crash_stop_start(folder: Path) -> None:
    supervisord = Supervisord(folder, TARGET)
    try:
        first = supervisord.daemon()
        supervisord.ctl("signal", "HUP", "sswd")
        supervisord.pvs.wait_for("WORKER:RUN", 2)
        assert supervisord.daemon() == first, "HUP is for the worker alone"
        supervisord.ctl("signal", "USR1", "sswd")
        until(lambda: "most recent call first" in supervisord.tail(), "stacks")

        processes = family(first)
        assert len(processes) >= 2, "a daemon without a worker?"

        supervisord.ctl("restart", "sswd")
        assert_gone(processes)
        second = supervisord.daemon()
        assert second != first

        processes = family(second)
        processes[0].send_signal(signal.SIGKILL)
        assert_gone(processes)
        third = supervisord.daemon()
        assert third != second

        processes = family(third)
        supervisord.ctl("stop", "sswd")
        assert "STOPPED" in supervisord.ctl("status", "sswd")
        assert_gone(processes)
        assert "stopped: sswd (exit status 0)" in supervisord.log()

        supervisord.ctl("start", "sswd")
        processes = family(supervisord.daemon())
    finally:
        supervisord.close()
    assert_gone(processes)
    # Every stop was in time: supervisord never had to use force.
    assert "killing 'sswd'" not in supervisord.log()


def plain(folder: Path, name: str) -> str:
    """A program with its port and, since they run beside each other, its prefix."""
    config = folder / f"{name}.toml"
    config.write_text(TARGET.read_text().replace('"T:"', f'"{name}:"'))
    path = os.pathsep.join([str(TARGET.parent), os.environ.get("PYTHONPATH", "")])
    env = {**loopback_env(), "PYTHONPATH": path.rstrip(os.pathsep)}
    given = ",".join(f'{key}="{value}"' for key, value in env.items())
    return (
        f"[program:{name}]\ncommand={BIN}/sswd run --exclusive-port {config}\nenvironment={given}\n"
        f"stderr_logfile={folder}/{name}.log\n"
    )


@pytest.mark.row(39)
@pytest.mark.timeout(240)
def test_twenty_restarts_with_supervisords_own_settings(folder: Path) -> None:
    """No line of ours but the command: its defaults would kill after 10 s, and not the
    group. The ports are exclusive, so that one who finds its own taken exits with 69.

    Four daemons, five times each, because supervisord takes a second over each start.
    """
    program = folder / "plain.conf"
    program.write_text("".join(plain(folder, name) for name in NAMES))
    supervisord = Supervisord(folder, TARGET, program)
    fds, rss_mb = 0, []
    try:
        for _ in range(ROUNDS):
            processes = supervisord.families()
            daemons = processes[: len(NAMES)]
            fds = fds or max(daemon.num_fds() for daemon in daemons)
            for daemon in daemons:
                until(lambda: daemon.num_fds() <= fds, "no more than at first")  # noqa: B023
                rss_mb.append(daemon.memory_info().rss / 1e6)
            words = supervisord.ctl("restart", *NAMES)
            for name in NAMES:
                assert f"{name}: started" in words, words
            assert_gone(processes)
        processes = supervisord.families()
        supervisord.ctl("stop", *NAMES)
        assert_gone(processes)
    finally:
        supervisord.close()
    said = supervisord.log()
    for name in NAMES:
        lives = 1 + ROUNDS
        assert said.count(f"spawned: '{name}'") == lives, "one of them failed"
        assert said.count(f"stopped: {name} (exit status 0)") == lives
        assert f"killing '{name}'" not in said
    assert max(rss_mb) < rss_mb[0] + 10


def test_a_wrong_configuration_is_not_retried(folder: Path) -> None:
    config = folder / "wrong.toml"
    config.write_text("[system.x]\ntarget = 1\n")
    supervisord = Supervisord(folder, config)
    try:
        until(lambda: "exit status 78; expected" in supervisord.log(), "78", START_S)
        assert "EXITED" in supervisord.ctl("status", "sswd")
        assert "system.x.target" in supervisord.tail()
    finally:
        supervisord.close()
    assert supervisord.log().count("spawned: 'sswd'") == 1


def test_a_taken_port_is_retried(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        program = folder / "exclusive.conf"
        line = "command=%(ENV_SSWD)s run"
        shipped = SHIPPED.read_text()
        assert line in shipped
        program.write_text(shipped.replace(line, f"{line} --exclusive-port"))
        port_of = {"EPICS_CAS_SERVER_PORT": port}
        supervisord = Supervisord(folder, TARGET, program, **port_of)
        try:
            until(
                lambda: supervisord.log().count("exit status 69") >= 2,
                "the second attempt",
                START_S,
            )
        finally:
            supervisord.close()
