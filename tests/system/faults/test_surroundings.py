"""Row 56: odd places to run a daemon in. It serves, follows no link, and tells."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from client import Client, ca_port
from daemon import until
from served import holdings, served
from systems import MISBEHAVING, one_system

from sswd.testing import Daemon, loopback_env

pytestmark = pytest.mark.row(56)

SSWD = (sys.executable, "-m", "sswd")
CONFIG = one_system("leaves:Leaves", restart="delay_s = 0.05")
UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")


def within(script: str) -> tuple[str, ...]:
    """A command that does something first, in the very process of the daemon."""
    return ("sh", "-c", f'{script}; exec "$@"', "sh", *SSWD)


def restarts(daemon: Daemon, client: Client) -> None:
    """The worker can be started again, and takes commands."""
    before = client.get(daemon.prefix + "WORKER:PID")
    os.kill(before, signal.SIGKILL)
    client.wait_for(daemon.prefix + "WORKER:PID", lambda s: s.value not in (0, before))
    client.wait_for(daemon.prefix + "WORKER:STATE", "RUNNING")
    assert client.put(daemon.prefix + "CMD", "session")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_are_closed(client: Client, closed: str) -> None:
    """Else a lock file, a socket or a log would become one of them."""
    command = ("sh", "-c", f'exec "$@" {closed}', "sh", *SSWD)
    with served(CONFIG, client, command=command) as daemon:
        for fd, word in ((0, "<&-"), (1, ">&-"), (2, "2>&-")):
            target = os.readlink(f"/proc/{daemon.pid}/fd/{fd}")
            if word in closed.split():
                assert target == os.devnull
            else:
                assert "lock" not in target
        restarts(daemon, client)


def test_the_working_directory_was_removed_before(client: Client) -> None:
    script = 'd=$(mktemp -d); cd "$d"; rmdir "$d"'
    with served(CONFIG, client, command=within(script)) as daemon:
        restarts(daemon, client)


@pytest.mark.parametrize("again", [False, True])
def test_the_working_directory_is_replaced(
    client: Client, tmp_path: Path, again: bool
) -> None:
    """A deployment makes it anew: the next worker runs what is there now."""
    here = tmp_path / "here"
    shutil.copytree(MISBEHAVING, here, ignore=shutil.ignore_patterns("__pycache__"))
    path = {"PYTHONPATH": str(MISBEHAVING)}
    with served(CONFIG, client, folder=here, env=path) as daemon:
        shutil.rmtree(here)
        if again:
            here.mkdir()
        restarts(daemon, client)
        worker = client.get(daemon.prefix + "WORKER:PID")
        cwd = os.readlink(f"/proc/{worker}/cwd")
        assert (cwd == str(here)) is again


def is_unshare_permitted() -> bool:
    return subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0


def test_as_process_1_it_reaps_what_drivers_leave(client: Client) -> None:
    """In a container nobody else does. Where no process namespace is to be had, the
    daemon is any process: it is the parent of orphans there, too."""
    command = (*UNSHARE, *SSWD) if is_unshare_permitted() else SSWD
    with served(CONFIG, client, command=command) as daemon:
        ioc = psutil.Process(daemon.pid)
        if command != SSWD:
            (ioc,) = ioc.children()
            assert "\t1\n" in Path(f"/proc/{ioc.pid}/status").read_text()
        until(lambda: "zombie" not in holdings(ioc.pid), "no zombie at the start")
        before = len(ioc.children())
        for _ in range(5):
            assert client.put(daemon.prefix + "CMD", "zombies")
            assert client.put(daemon.prefix + "CMD", "session")
        client.put(daemon.prefix + "WORKER:RESTART", 1)
        client.wait_for(daemon.prefix + "WORKER:RUN", 2)
        client.wait_for(daemon.prefix + "WORKER:STATE", "RUNNING")
        until(lambda: "zombie" not in holdings(ioc.pid), "all zombies to be reaped")
        until(lambda: len(ioc.children()) <= before, "no child more than before")
        assert client.put(daemon.prefix + "CMD", "session")
        ioc.send_signal(signal.SIGTERM)
        assert daemon.process.wait(15.0) == 0


def env_of(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, **loopback_env(ca_port()), "TMPDIR": str(folder), **more}


def refused(folder: Path, **more: str) -> str:
    """What a daemon says that ends with 78; it holds its lock in `folder`."""
    env = env_of(folder, **more)
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        env.pop(name, None) if name not in more else None
    done = subprocess.run(
        [*SSWD, "run", "--prefix", "R56:", "leaves:Leaves"],
        env=env,
        cwd=MISBEHAVING,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 78, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def lock_name(tmp_path: Path, client: Client) -> str:
    """How the lock of the prefix R56: is called."""
    run = tmp_path / "named"
    config = CONFIG.replace('"@"', '"R56:"')
    env = {"RUNTIME_DIRECTORY": str(run)}
    with served(config, client, systems=(), env=env) as daemon:
        until(lambda: any(run.glob("*.lock")), "its lock")
        daemon.stop()
    (lock,) = run.glob("*.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    return lock.name


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe"])
def test_a_lock_file_that_somebody_has_put_there(
    client: Client, tmp_path: Path, kind: str
) -> None:
    name = lock_name(tmp_path, client)
    run, treasure = tmp_path / "run", tmp_path / "treasure"
    run.mkdir()
    treasure.write_text("precious")
    if kind == "link":
        (run / name).symlink_to(treasure)
    elif kind == "hard link":
        (run / name).hardlink_to(treasure)
    else:
        os.mkfifo(run / name)
    words = refused(tmp_path, RUNTIME_DIRECTORY=str(run))
    assert "no lock can be held" in words
    assert treasure.read_text() == "precious"


@pytest.mark.parametrize("kind", ["link", "writable", "file"])
def test_a_directory_in_the_shared_one_that_is_not_ours(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "else").mkdir(mode=0o700)
    ours = tmp_path / f"sswd-{os.geteuid()}"
    if kind == "link":
        ours.symlink_to(tmp_path / "else")
    elif kind == "file":
        ours.touch()
    else:
        ours.mkdir()
        ours.chmod(0o777)
    words = refused(tmp_path)
    assert "no lock can be held" in words
    assert "RUNTIME_DIRECTORY" in words
    assert not list((tmp_path / "else").iterdir())


WITHOUT_PROC = """
import runpy, sys
def hide(event, args):
    if event in ("open", "os.listdir", "os.scandir") and str(args[0])[:5] == "/proc":
        raise FileNotFoundError(2, "No such file or directory", str(args[0]))
sys.addaudithook(hide)
sys.argv = ["sswd", *sys.argv[1:]]
runpy.run_module("sswd", run_name="__main__", alter_sys=True)
"""


def test_without_proc_cpu_and_memory_are_unknown(client: Client) -> None:
    """The children of a worker that is killed are found by their group then."""
    command = (sys.executable, "-c", WITHOUT_PROC)
    with served(CONFIG, client, command=command) as daemon:
        restarts(daemon, client)
        assert client.get(daemon.prefix + "WORKER:MEM") == 0.0
        client.wait_for(daemon.prefix + "IOC:CA_CONNECTIONS", lambda s: s.value > 0)
        assert "no statistics of memory and CPU" in daemon.log
        assert "Traceback" not in daemon.log


HOMELESS = """
import os, runpy, sys
os.environ.pop("HOME", None)
for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
    os.environ.pop(name, None)
import pwd
def getpwuid(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = getpwuid
sys.argv = ["sswd", *sys.argv[1:]]
runpy.run_module("sswd", run_name="__main__", alter_sys=True)
"""


def test_without_a_home_post_mortems_are_kept(client: Client, tmp_path: Path) -> None:
    """A container with any user id: no HOME, no entry in the passwd file."""
    command = (sys.executable, "-c", HOMELESS)
    env = {"TMPDIR": str(tmp_path)}
    with served(CONFIG, client, command=command, env=env, systems=()) as daemon:
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
        os.kill(client.get(daemon.prefix + "WORKER:PID"), signal.SIGKILL)
        folder = tmp_path / f"sswd-{os.geteuid()}" / "state"
        until(lambda: any(folder.glob("*.json")), "a post-mortem")
        daemon.stop()
        assert "Traceback" not in daemon.log
    (file,) = folder.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_bytes())["words"] == "was killed by SIGKILL"
