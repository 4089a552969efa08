"""A timing master and two daemons: 500 points, and a worker killed in the middle."""

import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.testing import (
    CaClient,
    Daemon,
    child_env,
    free_port,
    loopback_env,
    running_daemon,
)

DRIVERS = Path(__file__).parent / "drivers"
SIZES = {"slow": 5, "middle": 10, "fast": 10}
TOTAL = 500
KILLED_AT = 250
INVALID = 3


def system(name: str, folder: Path, prefix: str, master: str, **args: object) -> str:
    keys = {"journal": str(folder / name), **args}
    table = ", ".join(f"{k} = {v!r}" for k, v in keys.items())
    return (
        f'[system.{name}]\ntarget = "journal_stage:Stage"\nprefix = "{prefix}"\n'
        f"args = {{ {table} }}\n[system.{name}.trigger]\n"
        f'pv = "{master}Nested_Indices"\n'
    )


class Rig:
    """Two daemons (slow and middle; fast) and what finds them."""

    def __init__(self, folder: Path, port: int, one: Daemon, two: Daemon) -> None:
        self.folder = folder
        self.port = port
        self.two = two
        self.clients = {
            "slow": CaClient(one.prefix + "S:", one.env),
            "middle": CaClient(one.prefix + "M:", one.env),
            "fast": CaClient(two.prefix, two.env),
        }
        ports = [d.env["EPICS_CA_SERVER_PORT"] for d in (one, two)]
        self.env = {
            **loopback_env(port),
            "EPICS_CA_ADDR_LIST": " ".join(f"127.0.0.1:{p}" for p in ports),
        }

    def load(self) -> None:
        for name, client in self.clients.items():
            client.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
            assert client.put("CMD", f"linear(0, {SIZES[name]}, 1)")

    def journal(self, name: str) -> list[tuple[str, int, float, int]]:
        lines = (self.folder / name).read_text().splitlines()
        split = (line.split() for line in lines)
        return [(w, int(count), float(v), int(pid)) for w, count, v, pid in split]


@contextlib.contextmanager
def rig(folder: Path, hold: int) -> Iterator[Rig]:
    port = free_port()
    env = {"EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}"}
    one = 'prefix = "@"\n' + system("slow", folder, "S:", "MASTER:")
    one += system("middle", folder, "M:", "MASTER:")
    two = 'prefix = "@"\n' + system("fast", folder, "", "MASTER:", hold=hold)
    with (
        running_daemon(config=one, folder=DRIVERS, env=env, ready=False) as first,
        running_daemon(config=two, folder=DRIVERS, env=env) as second,
    ):
        made = Rig(folder, port, first, second)
        made.load()
        yield made


@contextlib.contextmanager
def master(rig: Rig, way: str) -> Iterator[CaClient]:
    text = f'prefix = "MASTER:"\nway = "{way}"\n'
    for name, client in rig.clients.items():
        text += f'[server.{name}]\nprefix = "{client.prefix}"\n'
    file = rig.folder / "master.toml"
    file.write_text(text)
    with (rig.folder / "master.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sswd.master", str(file)],
            env=child_env(rig.env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    client = CaClient("MASTER:", loopback_env(rig.port))
    try:
        client.wait_for("STATE", "IDLE", timeout_s=20.0)
        yield client
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, (rig.folder / "master.log").read_text()
    finally:
        process.kill()
        process.wait()
        sys.stderr.write((rig.folder / "master.log").read_text()[-4000:])


def start(master: CaClient) -> None:
    """START is refused in words until every server is connected."""
    master.wait_for("START", lambda _: master.put("START", 1), timeout_s=20.0)


@pytest.mark.parametrize("way", ["put", "trigger"])
def test_no_point_is_done_twice_or_left_out(tmp_path: Path, way: str) -> None:
    with rig(tmp_path, KILLED_AT) as made, master(made, way) as scan:
        fast = made.clients["fast"]
        if way == "trigger":
            for client in made.clients.values():
                client.wait_for("TRIGGER:CONNECTED", "Yes")
        start(scan)
        fast.wait_for("WORKER:PID", lambda _: (tmp_path / "fast.held").exists())
        assert fast.get("READY", as_string=True) == "NOT READY"
        assert scan.get("DONE") == KILLED_AT
        killed = fast.get("WORKER:PID")
        os.kill(killed, signal.SIGKILL)
        fast.wait_for("CMD_STATE", "LOST")
        assert fast.alarm("READY")[1] == INVALID

        scan.wait_for("STATE", "DONE", timeout_s=40.0)
        assert (scan.get("DONE"), scan.get("TOTAL")) == (TOTAL, TOTAL)
        assert scan.get("PROGRESS") == 1.0
        assert scan.get("RESENT") == 1
        assert fast.get("WORKER:RUN") == 2
        assert (fast.get("INDEX"), fast.get("INDEX_RBV")) == (TOTAL - 1, TOTAL - 1)
        assert len(fast.get("values")) == SIZES["fast"]

    dividers = {"slow": 100, "middle": 10, "fast": 1}
    for name, divider in dividers.items():
        journal = made.journal(name)
        wanted = list(range(0, TOTAL, divider))
        done = [(count, value) for word, count, value, _ in journal if word == "done"]
        assert done == [(n, float(n // divider % SIZES[name])) for n in wanted]
        begun = Counter(count for word, count, _, _ in journal if word == "begin")
        lost = {KILLED_AT: 2} if name == "fast" else {}
        assert begun == {**dict.fromkeys(wanted, 1), **lost}
    begun_by = [p for w, n, _, p in made.journal("fast") if (w, n) == ("begin", 250)]
    assert begun_by[0] == killed != begun_by[1]


def test_what_an_operator_does_to_a_scan(tmp_path: Path) -> None:
    with rig(tmp_path, 7) as made, master(made, "put") as scan:
        fast = made.clients["fast"]
        start(scan)
        fast.wait_for("WORKER:PID", lambda _: (tmp_path / "fast.held").exists())
        assert scan.get("STATE", as_string=True) == "RUNNING"
        assert not scan.put("START", 1), "one scan at a time"
        assert "runs already" in scan.get("STATUS")
        assert fast.put("ABORT", 1)  # an operator's word ends the scan
        scan.wait_for("STATE", "FAILED")
        assert scan.get("STATUS") == "fast failed at 7: see its CMD_ERROR"
        assert scan.get("DONE") == 7

        assert fast.put("CMD", "[]")
        scan.wait_for("START", lambda _: not scan.put("START", 1))
        scan.wait_for("STATUS", lambda text: "nothing is loaded in fast" in text)

        assert fast.put("CMD", "[1, 2]")
        for name in ("slow", "middle"):
            assert made.clients[name].put("CMD", "[1, 2, 3]")
        assert scan.put("REPEAT", 2)
        scan.wait_for("START", lambda _: scan.put("START", 1))
        scan.wait_for("STATE", "DONE")
        assert scan.get("DONE") == scan.get("TOTAL") == 36
        assert made.clients["slow"].get("DIVIDER") == 6

        assert scan.put("PERIOD", 0.2)
        assert scan.put("START", 1)
        scan.wait_for("DONE", 2)
        assert scan.put("STOP", 1)
        assert scan.get("STATE", as_string=True) == "STOPPED"
        assert scan.get("DONE") < 10
        assert "stopped after" in scan.get("STATUS")
        assert scan.get("SERVERS").startswith("slow: ")


def test_start_waits_for_nobody_but_says_who_is_missing(tmp_path: Path) -> None:
    with rig(tmp_path, -1) as made:
        made.clients["fast"].prefix = "NOBODY:"
        with master(made, "put") as scan:
            assert not scan.put("START", 1)
            assert "not connected: " in scan.get("STATUS")
            assert "NOBODY:INDEX" in scan.get("STATUS")


def test_steps_are_measured() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "bench.steps", "--steps", "50"]
    env = {**child_env(), "PYTHONPATH": f"{root}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(
        command, cwd=root, env=env, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("steps/s") == 2
