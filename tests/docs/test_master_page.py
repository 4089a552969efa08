"""docs/how-to/step-with-a-master.md and examples/master: what they say, they do."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sswd.master.config import MasterConfig
from sswd.master.group import MasterGroup
from sswd.testing import CaClient, child_env, free_port, loopback_env

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "step-with-a-master.md").read_text()
EXAMPLE = ROOT / "examples" / "master"
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"^```(\w+) (\w+)(?:=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE)]


def text_of(kind: str) -> str:
    [text] = [text for _, found, _, text in BLOCKS if found == kind]
    return text


def test_the_files_of_the_page_are_those_of_the_example() -> None:
    for _, kind, name, text in BLOCKS:
        if kind == "file":
            assert (EXAMPLE / name).read_text() == text
        elif kind == "excerpt":
            assert text in (EXAMPLE / name).read_text()
    assert {kind for _, kind, _, _ in BLOCKS} == {"file", "excerpt", "run", "client"}


def test_the_page_names_every_pv_and_every_key() -> None:
    named = set(re.findall(r"`([^`]+)`", BLOCK.sub("", PAGE)))
    served = {name.removeprefix("X:") for name in group().pvdb}
    assert served <= named
    assert set(MasterConfig.__struct_fields__) - {"server"} <= named
    for state in ("IDLE", "RUNNING", "WAITING", "DONE", "STOPPED", "FAILED"):
        assert state in named


def group() -> MasterGroup:
    return MasterGroup(MasterConfig(prefix="X:", server={"a": {"prefix": "A:"}}))


@pytest.mark.parametrize("way", ["put", "trigger"])
def test_the_example_runs_by_the_commands_of_the_page(tmp_path: Path, way: str) -> None:
    for file in EXAMPLE.glob("*.*"):
        (tmp_path / file.name).write_text(file.read_text())
    master = tmp_path / "master.toml"
    master.write_text(master.read_text().replace('way = "put"', f'way = "{way}"'))
    ports = {"5064": str(free_port()), "5066": str(free_port())}
    export, stages, masters = (replaced(t, ports) for t in lines("run"))
    hosts = shlex.split(export)[-1].partition("=")[2]
    own = {"RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    started = []
    with (tmp_path / "log").open("wb") as log:
        for command in (stages, masters):
            variable, *argv = shlex.split(command)
            port = variable.partition("=")[2]
            env = {**loopback_env(int(port)), "EPICS_CA_ADDR_LIST": hosts, **own}
            path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
            started.append(
                subprocess.Popen(
                    argv,
                    cwd=tmp_path,
                    env={**child_env(env), "PATH": path},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )
    try:
        env = {**loopback_env(), "EPICS_CA_ADDR_LIST": hosts}
        scan = CaClient("MASTER:", env)
        for name in ("STAGE", "LASER"):
            server = CaClient(f"LAB:{name}:", env)
            server.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
            if way == "trigger":
                server.wait_for("TRIGGER:CONNECTED", "Yes")
        *loads, start, get = lines("client")
        for load in loads:
            assert client(load, env).returncode == 0
        assert scan.put("PERIOD", 0.0)
        CaClient("LAB:LASER:", env).wait_for("ACK", "1")
        scan.wait_for("STATE", lambda _: begun(scan, start, env), timeout_s=20.0)
        scan.wait_for("STATE", "DONE", timeout_s=20.0)
        assert "12" in client(get, env).stdout
        assert scan.get("DONE") == scan.get("TOTAL") == 12
        for process in reversed(started):
            process.send_signal(signal.SIGINT)
            assert process.wait(15) == 0, (tmp_path / "log").read_text()
    finally:
        for process in started:
            process.kill()
            process.wait()


def begun(scan: CaClient, start: str, env: dict[str, str]) -> bool:
    """START as on the page, again until all circuits of the master are there."""
    client(start, env)
    return bool(scan.get("TOTAL") == 12)


def lines(kind: str) -> list[str]:
    return text_of(kind).splitlines()


def replaced(text: str, ports: dict[str, str]) -> str:
    for ours, free in ports.items():
        text = text.replace(ours, free)
    return text


def client(command: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        shlex.split(command),
        env={**child_env(env), "PATH": path},
        capture_output=True,
        text=True,
        timeout=30,
    )
