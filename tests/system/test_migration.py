"""Old systems run unchanged, and docs/how-to/migrate.md does what it says."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sswd.testing import CaClient, child_env, free_port, loopback_env, running_daemon

PACKAGE = "sequence_server_wrapper==0.0.4"
BIN = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "migrate.md").read_text()
BLOCK = re.compile(r"^```(\w+) (\w+)(?:=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE)]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The old package, without its dependencies, in a folder of its own."""
    folder = tmp_path_factory.mktemp("old")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(folder)]
    options = ["--quiet", "--disable-pip-version-check", "--no-cache-dir", PACKAGE]
    done = subprocess.run([*pip, *options], capture_output=True, text=True, timeout=50)
    if done.returncode:
        pytest.skip(f"{PACKAGE} cannot be had here: {done.stderr.strip()[-200:]}")
    return folder


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The files of the page, as they are after its last step."""
    for _, kind, name, text in BLOCKS:
        if kind == "file":
            (tmp_path / name).write_text(text)
        elif kind == "append":
            with (tmp_path / name).open("a") as file:
                file.write(text)
    return tmp_path


@pytest.fixture
def mock(old: Path) -> Iterator[CaClient]:
    """The old package's mock of a master, as it is."""
    env = loopback_env(free_port())
    process = subprocess.Popen(
        [sys.executable, "-m", "sequence_server_wrapper.examples.mock_server"],
        env=child_env({**env, "PYTHONPATH": str(old)}),
        cwd=old,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = CaClient("MOCK:", env)
    try:
        client.wait_for("Nested_Indices", "{'test.server':0}", timeout_s=20.0)
        yield client
    finally:
        process.kill()
        process.wait()


def at(master: CaClient) -> dict[str, str]:
    """How a daemon finds the master."""
    port = master.env["EPICS_CA_SERVER_PORT"]
    return {"EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}"}


def text_of(page: Path, name: str) -> str:
    return (page / name).read_text().replace("TEST:SERVER:", "@", 1)


def shell(command: str, page: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        shlex.split(command),
        cwd=page,
        env={**child_env(env or loopback_env()), **BIN},
        capture_output=True,
        text=True,
        timeout=40,
    )


def test_the_old_example_runs_unchanged(old, page, mock) -> None:
    config = text_of(page, "server.toml")
    with running_daemon(config=config, folder=old, env=at(mock)) as daemon:
        assert daemon.put("CMD", "linear(0,5,1)")
        np.testing.assert_array_equal(daemon.get("values"), [0, 1, 2, 3, 4])
        assert daemon.get("ACK") == "1"
        assert daemon.get("CMD_STATE", as_string=True) == "DONE"
        assert not daemon.put("CMD", "nonsense")
        assert daemon.get("ACK") == "0failed to eval the command"
        assert daemon.get("CMD_STATE", as_string=True) == "FAILED"
        told = "the system's ACK: failed to eval the command"
        assert daemon.get("CMD_ERROR") == told

        assert daemon.put("CMD", "[1.5, 2.5, 3.5]")
        daemon.wait_for("TRIGGER:CONNECTED", "Yes")
        assert mock.put("Nested_Indices", "{'test.server':2}")
        daemon.wait_for("TRIGGER:FAILED", 1)  # its own mistake, after its work
        assert "UnboundLocalError" in daemon.get("TRIGGER:ERROR")
        assert daemon.get("VAL") == 3.5
        assert daemon.get("ACK") == "1"
        assert daemon.get("TRIGGER:LAST") == "{'test.server':2}"
        assert mock.put("Nested_Indices", "{'other.server':1}")
        assert mock.put("Nested_Indices", "{'test.server':0}")
        daemon.wait_for("TRIGGER:FAILED", 2)
        assert daemon.get("VAL") == 1.5
        assert daemon.get("TRIGGER:SEEN") == 2
        assert daemon.get("WORKER:RUN") == 1


def test_its_port_steps_as_well(old, page, mock) -> None:
    config = text_of(page, "device.toml")
    with running_daemon(config=config, folder=page, env=at(mock)) as daemon:
        assert daemon.put("CMD", "linear(0,5,1)")
        np.testing.assert_array_equal(daemon.get("values"), [0, 1, 2, 3, 4])
        assert daemon.get("ACK") == "1"
        daemon.wait_for("TRIGGER:CONNECTED", "Yes")
        assert mock.put("Nested_Indices", "{'test.server':2}")
        daemon.wait_for("TRIGGER:EXECUTED", 1)
        assert (daemon.get("VAL"), daemon.get("READY")) == (2.0, 1)


def test_check_warns_of_eval_and_not_of_its_port(old, page) -> None:
    [(_, _, _, text)] = [b for b in BLOCKS if b[1] == "run"]
    check, _ = text.splitlines()
    done = shell(check, page, PYTHONPATH=str(old))
    assert done.returncode == 0, done.stderr
    assert "server.toml is good" in done.stdout
    lines = [line for line in done.stderr.splitlines() if "eval()" in line]
    assert len(lines) == 2
    assert "sequence_server_wrapper.examples.example_device, line 26" in lines[0]
    done = shell("sswd check device.toml", page)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_commands_of_the_page(old, page) -> None:
    [(_, _, _, text)] = [b for b in BLOCKS if b[1] == "run"]
    _, run = text.splitlines()
    [(_, _, _, text)] = [b for b in BLOCKS if b[1] == "client"]
    put, get = text.splitlines()
    env = loopback_env()
    own = {"RUNTIME_DIRECTORY": str(page), "STATE_DIRECTORY": str(page)}
    with (page / "log").open("wb") as log:
        server = subprocess.Popen(
            shlex.split(run),
            cwd=page,
            env=child_env({**env, **own, **BIN, "PYTHONPATH": str(old)}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        client = CaClient("TEST:SERVER:", env)
        client.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
        assert shell(put, page, **env).returncode == 0
        client.wait_for("ACK", "1")
        assert "[0, 1, 2, 3, 4]" in shell(get, page, **env).stdout.replace(".", "")
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(15) == 0, (page / "log").read_text()


def test_every_block_is_of_a_known_kind() -> None:
    assert {(lang, kind) for lang, kind, _, _ in BLOCKS} == {
        ("toml", "file"),
        ("toml", "append"),
        ("python", "file"),
        ("sh", "run"),
        ("sh", "client"),
    }
    assert len(BLOCKS) == PAGE.count("```") // 2
