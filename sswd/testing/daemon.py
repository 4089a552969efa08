"""A real daemon with a real worker, for as long as a test's block runs."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sswd.testing.client import LOOK_S, CaClient, DaemonError
from sswd.testing.loopback import loopback_env

START_S = 60.0
STOP_S = 15.0
UNEXPECTED = (1, -signal.SIGSEGV, -signal.SIGABRT)
"""Exit codes that no test asks for."""

_numbers = itertools.count(1)


class Daemon(CaClient):
    """A daemon under test, and a client that asks it; see `CaClient` for gets and puts.

    `process` is the daemon's, `folder` has its log and configuration.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        prefix: str,
        env: Mapping[str, str],
        folder: Path,
    ) -> None:
        super().__init__(prefix, env)
        self.process = process
        self.folder = folder

    @property
    def pid(self) -> int:
        """Process id of the IOC."""
        return self.process.pid

    @property
    def log(self) -> str:
        """What the daemon has logged so far."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    def kill_worker(self, prefix: str = "") -> None:
        """Kill a worker with SIGKILL, as the kernel does when memory is short.

        `prefix`: of its system, below the daemon's. Another one starts at once.
        """
        os.kill(self._worker_pid(prefix), signal.SIGKILL)

    @contextlib.contextmanager
    def hung_worker(self, prefix: str = "") -> Iterator[None]:
        """While its block runs, not one instruction of a worker runs (SIGSTOP)."""
        pid = self._worker_pid(prefix)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):  # restarted meanwhile
                os.kill(pid, signal.SIGCONT)

    def _worker_pid(self, prefix: str) -> int:
        pid = int(self.get(f"{prefix}WORKER:PID"))
        if pid <= 0:
            raise DaemonError(f"{self.prefix}{prefix} has no worker now")
        return pid

    def stop(
        self, number: signal.Signals = signal.SIGTERM, timeout_s: float = STOP_S
    ) -> int:
        """Send the signal `number`, wait, and return the exit code.

        Raises subprocess.TimeoutExpired if it has not ended within `timeout_s`.
        """
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout_s)


@contextlib.contextmanager
def running_daemon(  # noqa: PLR0913 - keywords, each with a default that fits
    system: str | None = None,
    config: str | Path | None = None,
    *,
    folder: str | Path | None = None,
    port: int | None = None,
    env: Mapping[str, str] | None = None,
    ready: bool = True,
    prefix: str | None = None,
    command: Sequence[str] = (sys.executable, "-m", "sswd"),
) -> Iterator[Daemon]:
    """Run `sswd run` with a system, or a whole configuration, until the block ends.

    Parameters: `system` is a "module:Class" found from `folder` (default: the current
    one). `config` is TOML as a str, or the Path of such a file, whose folder is the
    default of `folder`; where it says `prefix = "@"`, a fresh prefix is put in, or
    `prefix`, for a daemon that is started again. The daemon's `prefix` is that of the
    TOML's first level. `port` is the CA port, else a free one, so that daemons of
    equal prefixes do not meet. `env` are more variables. `ready`: wait until the first
    worker of every system is RUNNING. `command` is started with the arguments
    `run FILE`.

    On leaving: SIGTERM, and DaemonError if the daemon did not exit with 0 by itself,
    or had ended before with an unexpected error.
    """
    fresh = prefix or f"T{os.getpid()}-{next(_numbers)}:"
    if isinstance(config, Path):
        folder = folder or config.resolve().parent
        config = config.read_text(encoding="utf-8")
    text = config or f'prefix = "@"\n[system.main]\ntarget = "{system}"\n'
    text = text.replace('prefix = "@"', f'prefix = "{fresh}"')
    tables = _tables(text)
    prefix = str(tables.get("prefix", ""))
    with tempfile.TemporaryDirectory(prefix="sswd-test-") as scratch:
        here = Path(scratch)
        home = Path(folder or Path.cwd())
        file = here / "sswd.toml"
        file.write_text(text, encoding="utf-8")
        ca = loopback_env(port)
        with (here / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "run", str(file)],
                env={**os.environ, **ca, **_surroundings(here, home), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=home,
            )
        daemon = Daemon(process, prefix, ca, here)
        try:
            if ready:
                _wait_until_running(daemon, tables)
            yield daemon
        finally:
            _end(daemon)


def _tables(text: str) -> dict[str, Any]:
    """The TOML as it is; empty where it is none, which the daemon tells better."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _wait_until_running(daemon: Daemon, tables: Mapping[str, Any]) -> None:
    """Every system's first worker. Raises DaemonError."""
    systems = tables.get("system") or {"": {}}
    for name, system in systems.items():
        if "group" in system:  # which only the IOC can import: it says where it is
            _wait_for_log(daemon, f"system {name!r}: worker STARTING -> RUNNING")
            continue
        state = f"{system.get('prefix', '')}WORKER:STATE"
        found = daemon.wait_for(
            state,
            lambda now: now == "RUNNING" or _is_hopeless(daemon, now),
            timeout_s=START_S,
        )
        if found != "RUNNING":
            end = daemon.log[-3000:]
            raise DaemonError(
                f"{daemon.prefix}{state} is {found!r}; the log ends:\n{end}"
            )


def _is_hopeless(daemon: Daemon, state: str) -> bool:
    """Whether the worker died of what the next one will die of, too."""
    return state in ("BACKOFF", "FATAL") and "failed: LoadError: " in daemon.log


def _wait_for_log(daemon: Daemon, words: str) -> None:
    until_s = time.monotonic() + START_S
    while words not in daemon.log:
        if daemon.is_over or time.monotonic() > until_s:
            raise DaemonError(f"no line {words!r}; the log ends:\n{daemon.log[-3000:]}")
        time.sleep(LOOK_S)


def _surroundings(here: Path, home: Path) -> dict[str, str]:
    """Directories of its own, and `home` as a place for modules."""
    path = [str(home), os.environ.get("PYTHONPATH", "")]
    return {
        "RUNTIME_DIRECTORY": str(here / "run"),
        "STATE_DIRECTORY": str(here / "state"),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }


def _end(daemon: Daemon) -> None:
    code = daemon.process.poll()
    if code is not None:
        if code in UNEXPECTED:
            raise DaemonError(f"the daemon ended with {code}:\n{daemon.log}")
        return
    try:
        code = daemon.stop()
    except subprocess.TimeoutExpired:
        daemon.process.kill()
        daemon.process.wait()
        raise DaemonError(f"did not stop within {STOP_S} s:\n{daemon.log}") from None
    if code != 0:
        raise DaemonError(f"the daemon exited with {code}:\n{daemon.log}")
