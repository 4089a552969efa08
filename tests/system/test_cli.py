"""The exit codes and words that supervisors and operators see, of real processes."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sswd.testing import child_env, loopback_env, running_daemon

DRIVER = """
print("a driver that prints while it is imported")

class Stage:
    pvs = {"POS": {"type": "float", "units": "mm", "description": "Where it is"}}

    def __init__(self, address):
        raise RuntimeError("check and pvs must not construct me")

    def io_execute(self, pv_name, value):
        pass
"""
TOML = """
prefix = "CLI:"
[system.stage]
target = "stage_driver:Stage"
args = { address = "" }
[system.stage.pvs.VELOCITY]
type = "float"
writable = true
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "stage_driver.py").write_text(DRIVER)
    (tmp_path / "stage.toml").write_text(TOML)
    return tmp_path


def sswd(*words: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    env = {"RUNTIME_DIRECTORY": str(cwd), "STATE_DIRECTORY": str(cwd), **env}
    return subprocess.run(
        [sys.executable, "-m", "sswd", *words],
        cwd=cwd,
        env=child_env() | env,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def test_check_and_pvs_of_a_good_file(folder):
    done = sswd("check", str(folder / "stage.toml"), cwd=Path("/"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "stage.toml is good: stage (stage_driver:Stage)" in done.stdout
    done = sswd("pvs", "stage.toml", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"CLI:CMD", "CLI:WORKER:STATE", "CLI:POS", "CLI:VELOCITY"} <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[system.stage]", "[system.stage", "stage.toml, line 3, column 14"),
        ('"float"', '"flaot"', "VELOCITY.type: unknown value 'flaot'; did you mean"),
        ("writable", "writeable", "unknown key 'writeable'; did you mean 'writable'?"),
        ("VELOCITY", "CMD", "pvs.CMD: sswd serves a PV of this name itself"),
        ('prefix = "CLI:"', 'prefix = "A B"', "a PV name cannot hold ' '"),
    ],
)
def test_a_bad_file_exits_with_78(folder, command, old, new, told):
    file = folder / "stage.toml"
    file.write_text(TOML.replace(old, new))
    done = sswd(command, "stage.toml", cwd=folder)
    assert done.returncode == 78
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_group_that_does_not_import_exits_with_78(folder):
    (folder / "stage.toml").write_text(
        TOML.replace("[system.stage.pvs", 'group = "nowhere:Group"\n[system.stage.pvs')
    )
    for command in ("run", "check"):
        done = sswd(command, "stage.toml", cwd=folder)
        assert done.returncode == 78
        assert "system.stage.group: 'nowhere:Group'" in done.stderr


def test_check_tells_why_a_target_does_not_load(folder):
    (folder / "stage_driver.py").write_text("import not_there")
    done = sswd("check", "stage.toml", cwd=folder)
    assert done.returncode == 78
    assert "system.stage.target: 'stage_driver:Stage' does not load" in done.stderr
    assert "not_there" in done.stderr


@pytest.mark.row(47)
@pytest.mark.parametrize(
    ("driver", "told"),
    [
        ("def on_CMD(self, text):\n        yield", "Stage.on_CMD is a generator"),
        ("async def on_VELOCITY(self):\n        pass", "sswd calls it as on_VELOCITY("),
        ("def __init__(self, port):\n        pass", "args do not fit Stage(port)"),
    ],
)
def test_check_finds_what_cannot_be_called(folder, driver, told):
    text = f"from sswd import System\n\nclass Stage(System):\n    {driver}\n"
    (folder / "stage_driver.py").write_text(text)
    done = sswd("check", "stage.toml", cwd=folder)
    assert done.returncode == 78
    assert told in done.stderr
    assert "args" in told or "stage_driver.py, line 4" in done.stderr


def test_a_reader_that_goes_away_is_no_error_to_tell(folder):
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    with os.fdopen(write_fd, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "sswd", "schema"],
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    assert done.stderr == b""


def test_a_port_that_was_to_be_exclusive_and_is_taken_exits_with_69(folder):
    env = loopback_env()
    port = int(env["EPICS_CAS_SERVER_PORT"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = sswd("run", "--exclusive-port", "stage.toml", cwd=folder, **env)
    assert done.returncode == 69
    assert f"cannot listen on TCP port {port}, set by EPICS_CAS_" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(folder, number):
    driver = DRIVER.replace(
        'raise RuntimeError("check and pvs must not construct me")', "pass"
    )
    (folder / "stage_driver.py").write_text(driver.replace("address", "address=''"))
    with running_daemon(config=TOML.replace('"CLI:"', '"@"'), folder=folder) as daemon:
        assert daemon.get("VELOCITY") == 0
        assert daemon.stop(number) == 0
        assert "Traceback" not in daemon.log
        assert "a driver that prints" in daemon.log
