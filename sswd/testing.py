"""What tests of sswd, and users' tests of their own drivers, need.

`running_daemon` serves a system in a real daemon with a real worker on loopback;
`FakeWorker` stands in for a worker in tests of the IOC; `loopback_env` keeps Channel
Access on 127.0.0.1 with ports of its own::

    def test_stage():
        with running_daemon(system="mylab.stage:Stage") as daemon:
            daemon.put("CMD", "home")
            assert daemon.get("ACK") == "1"
"""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sswd.errors import SswdError

START_S = 20.0
STOP_S = 15.0
LOOK_S = 0.02

_numbers = itertools.count(1)


class DaemonError(SswdError):
    """The daemon under test did not do what a test waited for."""


def free_port() -> int:
    """A port free for TCP and UDP on 127.0.0.1 at this moment, and the next one too.

    CA needs two: the server's and the repeater's (beacons).
    """
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            if port < 65000 and _udp_is_free(port) and _udp_is_free(port + 1):
                return port


def _udp_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def loopback_env(port: int | None = None) -> dict[str, str]:
    """The variables that keep CA clients and servers on loopback, at `port`.

    Merge them into a child's environment, or into os.environ before a client starts.
    """
    port = free_port() if port is None else port
    return {
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CAS_SERVER_PORT": str(port),
        "EPICS_CA_REPEATER_PORT": str(port + 1),
        "EPICS_CAS_BEACON_PORT": str(port + 1),
    }


def child_env(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with `env` (default: a fresh loopback_env) over it."""
    return {**os.environ, **(loopback_env() if env is None else env)}


class Daemon:
    """A daemon under test. PV names are given without the prefix.

    `get` and `put` use caproto's client with a circuit of their own each time, as a
    newly connecting client does.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        prefix: str,
        env: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.process = process
        self.prefix = prefix
        self.env = dict(env)
        self.folder = folder

    @property
    def pid(self) -> int:
        """Process id of the IOC."""
        return self.process.pid

    @property
    def log(self) -> str:
        """What the daemon has logged so far."""
        return (self.folder / "log").read_text(errors="replace")

    def get(self, pv: str, *, as_string: bool = False, timeout_s: float = 2.0) -> Any:
        """The PV's value: a str of text PVs, a scalar, or an array.

        `as_string` gives the string of an enum. Raises DaemonError without an answer.
        """
        return self.read(pv, as_string=as_string, timeout_s=timeout_s)[0]

    def alarm(self, pv: str) -> tuple[int, int]:
        """(status, severity) of the PV, EPICS numbers."""
        metadata = self.read(pv)[1]
        return int(metadata.status), int(metadata.severity)

    def read(
        self, pv: str, *, as_string: bool = False, timeout_s: float = 2.0
    ) -> tuple[Any, Any]:
        """(value, metadata with status, severity and timestamp)."""
        from caproto import ChannelType

        reply = self._ask(pv, "time", timeout_s)
        if as_string and reply.data_type == ChannelType.TIME_ENUM:
            reply = self._ask(pv, ChannelType.TIME_STRING, timeout_s)
        return _value(reply), reply.metadata

    def _ask(self, pv: str, data_type: Any, timeout_s: float) -> Any:
        import caproto
        from caproto.sync import client

        name = self.prefix + pv
        with self._addressed():
            try:
                return client.read(
                    name, data_type=data_type, timeout=timeout_s, repeater=False
                )
            except (TimeoutError, caproto.CaprotoError) as ex:
                raise DaemonError(f"no answer from {name}: {ex}") from ex

    def put(
        self, pv: str, value: Any, *, wait: bool = True, timeout_s: float = 10.0
    ) -> bool:
        """Put a value; with `wait`, return whether the put succeeded."""
        from caproto.sync import client

        data = value.encode() if isinstance(value, str) and len(value) > 39 else value
        with self._addressed():
            reply = client.write(
                self.prefix + pv,
                data,
                notify=wait,
                timeout=timeout_s,
                repeater=False,
            )
        return not wait or bool(reply.status.success)

    def wait_for(
        self, pv: str, wanted: Any, *, timeout_s: float = 10.0, as_string: bool = True
    ) -> Any:
        """Poll until the PV equals `wanted`, or `wanted(value)` is true; the value.

        Raises DaemonError, with the end of the log, after `timeout_s`.
        """
        test: Callable[[Any], bool] = (
            wanted if callable(wanted) else lambda value: bool(value == wanted)
        )
        until_s = time.monotonic() + timeout_s
        value: Any = None
        while time.monotonic() < until_s:
            with contextlib.suppress(DaemonError):
                value = self.get(pv, as_string=as_string)
                if test(value):
                    return value
            time.sleep(LOOK_S)
        raise DaemonError(
            f"{self.prefix}{pv} is {value!r} after {timeout_s:g} s; the log ends:\n"
            f"{self.log[-3000:]}"
        )

    def stop(
        self, number: signal.Signals = signal.SIGTERM, timeout_s: float = STOP_S
    ) -> int:
        """Send a signal, wait, and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout_s)

    @contextlib.contextmanager
    def _addressed(self) -> Iterator[None]:
        """caproto's client finds servers by the environment of this process."""
        before = {key: os.environ.get(key) for key in self.env}
        os.environ.update(self.env)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


def _value(reply: Any) -> Any:
    from caproto import ChannelType, native_type

    data = reply.data
    native = native_type(reply.data_type)
    if native == ChannelType.CHAR:
        return bytes(data).decode("utf-8", "surrogateescape").rstrip("\0")
    if len(data) != 1:
        return data
    first = data[0]
    if native == ChannelType.STRING:
        return bytes(first).decode("utf-8", "surrogateescape")
    return first.item()


@contextlib.contextmanager
def running_daemon(
    system: str | None = None,
    config: str | None = None,
    *,
    folder: str | Path | None = None,
    port: int | None = None,
    env: Mapping[str, str] | None = None,
    ready: bool = True,
) -> Iterator[Daemon]:
    """Run `sswd run` with a system, or with a whole TOML text, until the block ends.

    Parameters: `system` is a "module:Class" found from `folder` (default: the current
    one). `config` is TOML; where it says `prefix = "@"`, a fresh prefix is put in, so
    that tests do not meet. `port` is the CA port, else a free one. `env` are more
    variables. `ready`: wait until the first worker is RUNNING.

    On leaving: SIGTERM, and DaemonError if the daemon did not exit with 0 by itself.
    """
    prefix = f"T{os.getpid()}-{next(_numbers)}:"
    text = config or f'prefix = "@"\n[system.main]\ntarget = "{system}"\n'
    with tempfile.TemporaryDirectory(prefix="sswd-test-") as scratch:
        here = Path(scratch)
        home = Path(folder or Path.cwd())
        file = here / "sswd.toml"
        file.write_text(text.replace('prefix = "@"', f'prefix = "{prefix}"'))
        ca = loopback_env(port)
        own = {
            **ca,
            "RUNTIME_DIRECTORY": str(here / "run"),
            "STATE_DIRECTORY": str(here / "state"),
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(home), os.environ.get("PYTHONPATH", "")])
            ),
            **(env or {}),
        }
        with (here / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sswd", "run", str(file)],
                env={**os.environ, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=home,
            )
        daemon = Daemon(process, prefix, ca, here)
        try:
            if ready:
                daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=START_S)
            yield daemon
        finally:
            _end(daemon)


def _end(daemon: Daemon) -> None:
    if daemon.process.poll() is not None:
        return
    try:
        code = daemon.stop()
    except subprocess.TimeoutExpired:
        daemon.process.kill()
        daemon.process.wait()
        raise DaemonError(f"did not stop within {STOP_S} s:\n{daemon.log}") from None
    if code != 0:
        raise DaemonError(f"the daemon exited with {code}:\n{daemon.log}")
