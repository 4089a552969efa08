"""Row 30: no file descriptors; row 31: a prefix or a port that is taken."""

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from caproto.sync import client as caproto_client
from client import Client, ca_is_up, ca_port
from daemon import until
from served import served
from systems import MISBEHAVING, one_system

from sswd.testing import CaClient, Daemon, free_port, loopback_env

HEADER = struct.Struct(">HHHHII")
FILES = 64
MANY = 200
TAKEN = 69
PORTS = ("EPICS_CA_SERVER_PORT", "EPICS_CAS_SERVER_PORT")


@pytest.mark.timing
@pytest.mark.row(30)
def test_a_worker_restarts_while_clients_hold_all_descriptors(client: Client) -> None:
    few_files = ("prlimit", f"--nofile={FILES}", sys.executable, "-m", "sswd")
    config = one_system("deaths:Mortal", restart="delay_s = 0.05")
    with served(config, client, command=few_files) as daemon:
        prefix = daemon.prefix
        state = client.monitor(prefix + "WORKER:STATE")
        with contextlib.ExitStack() as stack:
            for _ in range(MANY):
                stack.enter_context(connected(prefix + "CMD"))
            until(lambda: "a client was refused" in daemon.log, "words of refusal")
            for run in (2, 3):
                os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)
                client.wait_for(prefix + "WORKER:RUN", run)
                client.wait_for(prefix + "WORKER:STATE", "RUNNING")
                assert client.put(prefix + "CMD", f"echo {run}")
                assert client.get(prefix + "message") == str(run)
            assert state.drops == 0
            assert daemon.log.count("a client was refused") < 20
        until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) < FILES - 32, "room")
        ca_is_up(daemon, client)


def connected(pv: str) -> socket.socket:
    """A client with one channel that says nothing more."""
    client = socket.create_connection(("127.0.0.1", ca_port()), timeout=5.0)
    name = pv.encode() + b"\0"
    name += bytes(-len(name) % 8)
    with contextlib.suppress(OSError):  # refused already
        client.sendall(HEADER.pack(0, 0, 0, 13, 0, 0))  # CA_PROTO_VERSION
        client.sendall(HEADER.pack(18, len(name), 0, 0, 1, 13) + name)  # CREATE_CHAN
    return client


CONFIG = one_system("deaths:Mortal")


@pytest.mark.timing
@pytest.mark.row(31)
def test_a_second_daemon_with_the_same_prefix_is_refused(client: Client) -> None:
    with served(CONFIG, client) as first:
        file = first.folder / "sswd.toml"
        second = ended(file, loopback_env(), first)
        assert second.returncode == TAKEN
        assert repr(first.prefix) in second.stderr
        assert f"by pid {first.pid}" in second.stderr
        assert "choose another prefix" in second.stderr
        ca_is_up(first, client)


@pytest.mark.timing
@pytest.mark.row(31)
def test_a_second_daemon_that_wants_the_port_alone_is_refused(client: Client) -> None:
    with served(CONFIG, client) as first:
        file = first.folder / "other.toml"
        file.write_text(CONFIG.replace('"@"', '"ANOTHER:"'))
        second = ended(file, loopback_env(ca_port()), first, "--exclusive-port")
        assert second.returncode == TAKEN
        assert f"TCP port {ca_port()}, set by EPICS_CAS_SERVER_PORT" in second.stderr
        assert "Traceback" not in second.stderr
        ca_is_up(first, client)


def ended(
    file: Path, env: Mapping[str, str], first: Daemon, *options: str
) -> "subprocess.CompletedProcess[str]":
    """A daemon that has ended by itself, in the surroundings of the first."""
    return subprocess.run(
        [sys.executable, "-m", "sswd", "run", *options, str(file)],
        env={**os.environ, **env, "RUNTIME_DIRECTORY": str(first.folder / "run")},
        capture_output=True,
        text=True,
        timeout=20.0,
        cwd=MISBEHAVING,
        check=False,
    )


@pytest.mark.row(31)
@pytest.mark.parametrize(
    "which", ["the default", "set by EPICS_CAS_SERVER_PORT"], ids=["default", "set"]
)
def test_two_daemons_at_one_port_both_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """As with EPICS base, the second takes another TCP port and says so."""
    is_set = which != "the default"
    wanted = free_port() if is_set else 5064
    env = loopback_env(wanted)
    if not is_set:
        for name in PORTS:
            del env[name]
    with at_port(env, tmp_path / "a") as a, at_port(env, tmp_path / "b") as b:
        for log, prefix in (a, b):
            port = int(re.findall(r"Channel Access on TCP port (\d+)", log())[0])
            place = ("127.0.0.1", port)
            monkeypatch.setattr(caproto_client, "search", lambda *_, p=place, **__: p)
            one = CaClient(prefix, loopback_env(wanted))
            one.wait_for("WORKER:STATE", "RUNNING")
            assert one.put("CMD", f"echo {prefix}")
            assert one.get("message") == prefix
        assert f"TCP port {wanted}, {which}, is taken" in b[0]()


@contextlib.contextmanager
def at_port(variables: Mapping[str, str], folder: Path) -> Iterator[tuple["Log", str]]:
    """A daemon with these variables of EPICS, and no others that name a port."""
    folder.mkdir()
    prefix = f"D{os.getpid()}{folder.name}:"
    (folder / "sswd.toml").write_text(CONFIG.replace('"@"', f'"{prefix}"'))
    env = {name: text for name, text in os.environ.items() if name not in PORTS}
    env |= {**variables, "PYTHONPATH": python_path()}
    env["RUNTIME_DIRECTORY"] = env["STATE_DIRECTORY"] = str(folder)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sswd", "run", str(folder / "sswd.toml")],
            env=env,
            stderr=log,
        )
    try:
        read = Log(folder / "log")
        until(lambda: "-> RUNNING" in read(), "a worker that runs", 20.0)
        yield read, prefix
    finally:
        process.terminate()
        assert process.wait(15.0) == 0


class Log:
    """A log file, to be read when it is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> str:
        return self._path.read_text()


def python_path() -> str:
    """Where the misbehaving systems are, first."""
    path = [str(MISBEHAVING), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, path))
