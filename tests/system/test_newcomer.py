"""A newcomer's path: a driver written, checked, run by a real supervisord; then each
fault of the table in docs/how-to/troubleshooting.md, and `sswd status` alone tells what
happened and what to do, in the words of the table."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from control import good, sswd, status
from daemon import until
from oven import CONFIG, DRIVER
from supervisord_rig import BIN, Supervisord

from sswd.exit_codes import CLEAN, NOT_FOUND, WRONG
from sswd.testing import free_port
from tests.system.faults.tcp_instrument import Fault, TcpInstrument, instrument

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/troubleshooting.md").read_text()
TABLE = re.search(r"<!-- faults -->\n(.*?)<!-- end of faults -->", PAGE, re.DOTALL)
assert TABLE is not None
ROWS = {
    fault.strip(): (words.strip(), do.strip())
    for _, fault, words, do, _ in (row.split("|") for row in TABLE[1].splitlines()[2:])
}
"""What happens: (what `sswd status` says, what it says to do)."""
STRICT = """
[program:strict]
command={sswd} run --exclusive-port {config}
directory={folder}
autostart=false
autorestart=false
startsecs=0
"""
WAIT_S = 60.0
Inject = Callable[["Oven"], AbstractContextManager[None]]


class Oven:
    """The project of the newcomer, its instrument, and its supervisord."""

    def __init__(self, folder: Path, device: TcpInstrument) -> None:
        self.folder = folder
        self.device = device
        self.saved = folder / "saved"
        self.driver, self.config = folder / "oven.py", folder / "oven.toml"
        self.port = free_port()

    def write(self, host: str = "localhost", driver: str = DRIVER) -> None:
        """Write driver and TOML."""
        text = CONFIG.replace("PORT", str(self.device.port))
        self.config.write_text(text.replace('"localhost"', f'"{host}"'))
        self.driver.write_text(driver)

    def serve(self) -> None:
        """Under supervisord, with the file that `sswd init` wrote."""
        program = self.folder / "deploy/oven.conf"
        with program.open("a") as file:
            file.write(
                STRICT.format(sswd=BIN / "sswd", config=self.config, folder=self.folder)
            )
        env = {f"EPICS_{name}_SERVER_PORT": str(self.port) for name in ("CA", "CAS")}
        self.supervisord = Supervisord(self.folder, self.config, program, **env)
        self.pvs = self.supervisord.pvs
        self.pvs.prefix = "OVEN:"

    @property
    def worker(self) -> int:
        """Its process id."""
        return int(status()["systems"][0]["pid"])

    def is_settled(self) -> bool:
        """Whether it runs for more than the second in which a restart is taken for the
        one that was."""
        return bool(status()["systems"][0]["phase"] == "RUNNING")

    def wait_until_well(self) -> None:
        """Until nothing is wrong."""
        told = ""

        def is_well() -> bool:
            nonlocal told
            code, out, err = sswd("status", "--prefix", "OVEN:")
            told = out + err
            return code == 0 and self.is_settled()

        with also_told(lambda: f"{told}\n{self.supervisord.tail('oven')[-3000:]}"):
            until(is_well, "that all is well", WAIT_S, pause_s=0.1)


def codes_of(words: str) -> tuple[int, ...]:
    """The exit codes that `sswd status` may have when it says this."""
    if words.startswith("WRONG"):
        return (WRONG,)
    if words.startswith("no daemon"):
        return (NOT_FOUND,)
    return CLEAN, WRONG  # a failure of before, which may have healed


@contextmanager
def also_told(words: Callable[[], str]) -> Iterator[None]:
    """An AssertionError of the block says more."""
    try:
        yield
    except AssertionError as ex:
        raise AssertionError(f"{ex}; it is\n{words()}") from None


def pattern_of(words: str) -> str:
    """The words of a cell; … stands for what varies."""
    return ".*".join(map(re.escape, words.split("…")))


@pytest.fixture(scope="module")
def oven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oven]:
    # Short, since a unix socket's path holds 108 bytes.
    place = Path(tempfile.mkdtemp(prefix="nc"))
    with contextlib.ExitStack() as stack, instrument() as device:
        stack.callback(shutil.rmtree, place)
        init = [BIN / "sswd", "init", "oven"]
        subprocess.run(init, cwd=place, check=True, capture_output=True, timeout=60)
        oven = Oven(place / "oven", device)
        oven.write()
        oven.saved.mkdir(mode=0o700)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("RUNTIME_DIRECTORY", str(oven.folder / "run"))
        assert sswd("check", str(oven.config))[0] == 0
        if disk := small_disk(oven.saved):
            stack.callback(subprocess.run, ["umount", "-l", disk], check=True)
        oven.serve()
        stack.callback(oven.supervisord.close)
        oven.wait_until_well()
        yield oven


def small_disk(folder: Path) -> Path | None:
    """Make the folder a disk of 64 KiB; None where that is not permitted."""
    how = ("-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs")
    done = subprocess.run(["mount", *how, folder], capture_output=True)
    return folder if done.returncode == 0 else None


# ---- the faults; each mends what it did


@contextmanager
def instrument_off(oven: Oven) -> Iterator[None]:
    oven.device.power_off()
    yield
    oven.device.power_on()


@contextmanager
def instrument_hangs(oven: Oven) -> Iterator[None]:
    oven.device.fault = Fault.HANG
    yield
    oven.device.fault = Fault.NONE


@contextmanager
def name_lost(oven: Oven) -> Iterator[None]:
    oven.write(host="instrument.invalid")
    good("reload")
    yield
    until(oven.is_settled, "its start to be over", WAIT_S)
    oven.write()
    good("reload")


@contextmanager
def worker_killed(oven: Oven) -> Iterator[None]:
    os.kill(oven.worker, signal.SIGKILL)
    yield


@contextmanager
def worker_stopped(oven: Oven) -> Iterator[None]:
    pid = oven.worker
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


@contextmanager
def crash_loop(oven: Oven) -> Iterator[None]:
    interlock = oven.folder / "interlock"
    interlock.touch()
    sswd("restart", "--timeout", "0")
    yield
    interlock.unlink()
    good("restart")


@contextmanager
def typo_at_hup(oven: Oven) -> Iterator[None]:
    oven.write(driver=DRIVER.replace("import socket", "import sockett"))
    oven.supervisord.ctl("signal", "HUP", "oven")
    yield
    oven.write()
    good("restart")


@contextmanager
def command_failed(oven: Oven) -> Iterator[None]:
    assert sswd("call", "OVEN:TARGET", "250")[0] == 1
    yield
    good("call", "OVEN:TARGET", "150")


@contextmanager
def queue_full(oven: Oven) -> Iterator[None]:
    for number in range(4):
        oven.pvs.put("CMD", f"hold {number}", wait=False)
    yield
    good("abort")


@contextmanager
def thread_ended(oven: Oven) -> Iterator[None]:
    good("call", "OVEN:CMD", "end the thread")
    yield
    good("restart")


@contextmanager
def disk_full(oven: Oven) -> Iterator[None]:
    need_disk(oven)
    ballast = oven.saved / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))
    good("call", "OVEN:TARGET", "160")
    yield
    ballast.unlink()


@contextmanager
def disk_read_only(oven: Oven) -> Iterator[None]:
    """Another mount of the same, because files of it are open for writing."""
    need_disk(oven)
    mount = ["mount", "--bind", oven.saved, oven.saved]
    subprocess.run(mount, check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", oven.saved], check=True)
    good("call", "OVEN:TARGET", "170")
    yield
    subprocess.run(["umount", oven.saved], check=True)


def need_disk(oven: Oven) -> None:
    if not oven.saved.is_mount():
        pytest.skip("only who may mount can fill a disk of his own")


@contextmanager
def port_taken(oven: Oven) -> Iterator[None]:
    """Another program has the port while supervisord starts the daemon anew."""
    oven.supervisord.ctl("stop", "oven")
    with socket.create_server(("127.0.0.1", oven.port)):
        oven.supervisord.ctl("start", "strict")
        yield
    oven.supervisord.ctl("start", "oven")


FAULTS: dict[str, Inject] = {
    "the instrument is switched off": instrument_off,
    "the instrument hangs": instrument_hangs,
    "its name is not known to the network any more": name_lost,
    "the worker is killed": worker_killed,
    "the worker is stopped (SIGSTOP)": worker_stopped,
    "`setup` raises at each start": crash_loop,
    "a typo in the driver, then HUP": typo_at_hup,
    "a command fails": command_failed,
    "more commands than may wait": queue_full,
    "a thread that posts has ended": thread_ended,
    "the disk for setpoints is full": disk_full,
    "the disk for setpoints is read-only": disk_read_only,
    "another program has the port (`--exclusive-port`)": port_taken,
}


def test_the_table_has_each_fault() -> None:
    assert list(ROWS) == list(FAULTS)


@pytest.mark.leaks("sessions of the instrument", "thread", "file descriptor")
@pytest.mark.parametrize("fault", FAULTS)
def test_status_alone_tells_the_cause_and_what_to_do(oven: Oven, fault: str) -> None:
    words, do = map(pattern_of, ROWS[fault])
    code, told = 0, ""

    def is_told() -> bool:
        nonlocal code, told
        code, out, err = sswd("status", "--prefix", "OVEN:")
        told = out + err
        # What to do comes after the cause: in the next line, or the next words.
        return re.search(f"{words}.*?\\n? *do: +{do}", told) is not None

    with FAULTS[fault](oven), also_told(lambda: told):
        until(is_told, f"{ROWS[fault]}", WAIT_S, pause_s=0.1)
        assert code in codes_of(ROWS[fault][0])
    oven.wait_until_well()
