"""A real supervisord from PyPI that runs sswd from the files of deploy/supervisor."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import psutil
from daemon import family, until

from sswd.testing import Daemon, child_env, loopback_env

DEPLOY = Path(__file__).parents[2] / "deploy/supervisor"
SHIPPED = DEPLOY / "sswd.conf"
TARGET = Path(__file__).parent / "drivers/target.toml"
BIN = Path(sys.executable).parent
START_S = 30.0
RUNNING = "worker STARTING -> RUNNING"
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

    def tell(self, word: str) -> None:
        """Give event listeners an event of our own (REMOTE_COMMUNICATION)."""
        script = (
            "import sys, supervisor.xmlrpc, xmlrpc.client as c\n"
            "t = supervisor.xmlrpc.SupervisorTransport(serverurl=sys.argv[1])\n"
            "p = c.ServerProxy('http://localhost/RPC2', transport=t)\n"
            "p.supervisor.sendRemoteCommEvent(sys.argv[2], '')\n"
        )
        socket = f"unix://{self._folder}/sock"
        command = [sys.executable, "-W", "ignore", "-c", script, socket, word]
        subprocess.run(command, check=True, timeout=30)

    def tail(self, program: str = "sswd") -> str:
        """The end of what sswd has written."""
        return self.ctl("tail", f"-{TAIL_BYTES}", program)

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

    def families(self, names: Sequence[str]) -> list[psutil.Process]:
        """The daemons of these names and then their children, once all workers run."""
        logs = [self._folder / f"{name}.log" for name in names]
        until(
            lambda: all(log.exists() and RUNNING in log.read_text() for log in logs),
            "all workers to run",
            START_S,
        )
        for log in logs:
            os.truncate(log, 0)  # the next life's words are to be its own
        pids = re.findall(r"RUNNING +pid (\d+)", self.ctl("status", *names))
        assert len(pids) == len(names), self.log()
        daemons, *children = zip_longest(*(family(int(pid)) for pid in pids))
        return [*daemons, *(c for same in children for c in same if c)]

    def close(self) -> None:
        """End supervisord, which ends what it runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)
