"""`sswd demo` as a new user meets it: its words, and the commands that it prints."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from daemon import assert_gone, family, until

from sswd.testing import Daemon

BIN = Path(sys.executable).parent
CHANNEL_ACCESS = "EPICS_CA"


class Demo(Daemon):
    """A running demo, in a process group of its own as in a terminal."""

    def __init__(self, folder: Path) -> None:
        # Nothing about Channel Access: the demo finds its own way, and says which.
        env = {k: v for k, v in os.environ.items() if not k.startswith(CHANNEL_ACCESS)}
        env["RUNTIME_DIRECTORY"] = env["STATE_DIRECTORY"] = str(folder / "run")
        with (folder / "log").open("wb") as log, (folder / "out").open("wb") as out:
            process = subprocess.Popen(
                [BIN / "sswd", "demo"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=env,
                process_group=0,
            )
        super().__init__(process, "DEMO:", {}, folder)

    @property
    def words(self) -> str:
        """What it has printed for the user."""
        return (self.folder / "out").read_text()

    def wait_until_running(self) -> None:
        until(lambda: "Ctrl-C ends everything" in self.words, "its words", 20.0)
        match = re.search(r"ADDR_LIST=127\.0\.0\.1:(\d+)", self.words)
        assert match, self.words
        self.env = {
            "EPICS_CA_ADDR_LIST": f"127.0.0.1:{match[1]}",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
        }
        self.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)

    def printed(self, tool: str, word: str) -> str:
        """The command that it prints for `tool` and `word`, with the exports."""
        lines = [line.strip() for line in self.words.splitlines()]
        exports = [line for line in lines if line.startswith("export ")]
        (command,) = [
            line for line in lines if line.startswith(f"sswd {tool}") and word in line
        ]
        return "; ".join([*exports, f"exec {command}"])

    def state(self) -> str:
        return str(self.get("CMD_STATE", as_string=True))


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    demo = Demo(folder)
    try:
        demo.wait_until_running()
        yield demo
    finally:
        if demo.process.poll() is None:
            os.killpg(demo.pid, signal.SIGINT)
        try:
            demo.process.wait(15)
        except subprocess.TimeoutExpired:
            demo.process.kill()
            demo.process.wait()
            pytest.fail(f"Ctrl-C did not end the demo; its log:\n{demo.log}")


@pytest.fixture
def demo(folder: Path) -> Iterator[Demo]:
    with running_demo(folder) as demo:
        yield demo


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One for the tests that neither break nor end anything."""
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


def shell(command: str) -> "subprocess.Popen[str]":
    """Another shell of the user's: nothing set but what he exports there."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(CHANNEL_ACCESS)}
    env["PYTHONUNBUFFERED"] = "1"
    return subprocess.Popen(
        ["bash", "-c", command], stdout=subprocess.PIPE, text=True, env=env
    )


def test_the_printed_commands_scan_and_restart(demo: Demo) -> None:
    with shell(demo.printed("monitor", "values")) as monitor:
        assert monitor.stdout is not None
        until(lambda: bool(psutil.Process(monitor.pid).net_connections()), "circuit")
        with shell(demo.printed("put", "scan(")) as put:
            assert put.wait(60) == 0
        demo.wait_for("CMD_STATE", "DONE", timeout_s=30.0)
        circuit = tcp_ports(monitor.pid)
        run, pid = demo.get("WORKER:RUN"), demo.get("WORKER:PID")

        with shell(demo.printed("put", "WORKER:RESTART")) as put:
            assert put.wait(10) == 0
        demo.wait_for("WORKER:RUN", run + 1)
        demo.wait_for("WORKER:STATE", "RUNNING")
        assert demo.get("WORKER:PID") not in (pid, 0)
        assert tcp_ports(monitor.pid) == circuit, "the monitor had to reconnect"

        for line in monitor.stdout:
            if "WORKER:STATE" in line and "STOPPING" in line:
                break
        assert "RUNNING" in next(line for line in monitor.stdout if "RUNNING" in line)
        monitor.terminate()


def tcp_ports(pid: int) -> set[int]:
    """The client's ends of its circuits."""
    connections = psutil.Process(pid).net_connections("tcp")
    ports = {c.laddr.port for c in connections if c.status == psutil.CONN_ESTABLISHED}
    assert ports
    return ports


def test_a_scan_finds_the_peak(shared: Demo) -> None:
    assert shared.put("VELOCITY", 100.0)
    assert shared.put("CMD", "scan(0, 10, 11)", timeout_s=30.0)
    heights = shared.get("values")
    assert len(heights) == 11
    assert int(np.argmax(heights)) == 5
    assert shared.get("WAVEFORM").shape == (1000,)
    assert shared.get("POSITION") == pytest.approx(10.0)
    assert shared.get("PROGRESS") == 1.0
    assert (shared.state(), shared.get("ACK")) == ("DONE", "1")
    assert shared.get("IDN").startswith("SSWD,")

    assert shared.put("CHANNEL", "CH2")
    assert shared.put("CMD", "scan(5, 5, 1)")
    assert 0.3 < float(shared.get("values")) / heights[5] < 0.7


def test_hang_stalls_the_worker_and_nobody_else(demo: Demo) -> None:
    demo.put("CMD", "hang", wait=False)
    demo.wait_for("BUSY", "Busy")
    demo.wait_for("WORKER:STALLED", "Yes", timeout_s=15.0)
    assert demo.alarm("POSITION")[1] == 3, "INVALID"
    assert demo.put("WORKER:RESTART", 1)
    demo.wait_for("WORKER:RUN", 2, timeout_s=20.0)
    demo.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
    assert demo.state() == "ABORTED"
    assert demo.put("CMD", "idn")
    assert demo.get("message").startswith("SSWD,")


def test_crash_is_told_and_healed(demo: Demo) -> None:
    assert not demo.put("CMD", "crash")
    assert demo.state() == "LOST"
    assert "SIGSEGV" in demo.get("CMD_ERROR")
    demo.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
    assert "SIGSEGV" in demo.get("WORKER:LAST_EXIT")
    assert demo.put("CMD", "move(3)")


def test_the_fault_button(demo: Demo) -> None:
    assert demo.put("FAULT", "HANG")
    assert not demo.put("CMD", "idn", timeout_s=20.0)
    assert "no answer" in demo.get("CMD_ERROR")
    assert demo.put("FAULT", "ERROR", timeout_s=20.0)
    assert not demo.put("CMD", "move(1)", timeout_s=20.0)
    assert "-310" in demo.get("CMD_ERROR")
    assert demo.put("FAULT", "NONE")
    assert demo.put("CMD", "move(1)")
    assert demo.get("WORKER:RUN") == 1, "no fault of the instrument ends the worker"


@pytest.mark.row(41)
@pytest.mark.row(42)
def test_power_off_is_told_and_heals(demo: Demo) -> None:
    assert demo.put("VELOCITY", 50.0)
    run = demo.get("WORKER:RUN")
    demo.put("FAULT", "OFF", wait=False)
    demo.wait_for("WORKER:LINK", "LOST", timeout_s=10.0)
    for pv in ("POSITION", "IDN", "VELOCITY"):
        assert demo.alarm(pv)[1] == 3, f"{pv} INVALID"
    assert "since 20" in demo.get("WORKER:LINK_ERROR")
    demo.wait_for("WORKER:LINK", "OK", timeout_s=45.0)
    until(lambda: demo.alarm("POSITION")[1] == 0, "a new reading")
    assert demo.alarm("IDN")[1] == 0
    assert demo.get("WORKER:RUN") == run, "nothing was restarted"
    assert demo.put("CMD", "move(3)")


def test_abort_stops_the_stage(shared: Demo) -> None:
    assert shared.put("VELOCITY", 1.0)
    shared.put("CMD", "move(50)", wait=False)
    shared.wait_for("CMD_STATE", "RUNNING")
    shared.put("ABORT", 1)
    shared.wait_for("CMD_STATE", "ABORTED")
    shared.wait_for("POSITION", lambda mm: 0 < mm < 20)
    first = shared.get("POSITION")
    # Two readbacks later it is where it was.
    stamp_s = shared.read("POSITION")[1].timestamp
    until(
        lambda: shared.read("POSITION")[1].timestamp > stamp_s + 0.3, "another readback"
    )
    assert shared.get("POSITION") == pytest.approx(first)
    assert shared.get("WORKER:RUN") == 1


def test_the_preview_knows_the_words_of_the_demo(shared: Demo) -> None:
    assert shared.put("CMD_PREVIEW", "scan(0, 10, 11)")
    assert shared.get("CMD_PREVIEW").startswith("calls scan(")
    assert shared.put("CMD_PREVIEW", "sleep(5)")
    assert shared.get("CMD_PREVIEW").startswith("not known: this system reads")
    assert shared.put("CMD", "idn")
    assert shared.get("message").startswith("SSWD,")
    assert "idn, whose answer is in DEMO:message" in shared.words


def test_other_words_are_refused_in_words(shared: Demo) -> None:
    for command in ("move", "jump(1)", "__import__('os')", " ", "(", "move(1, 2)"):
        assert not shared.put("CMD", command), command
        assert shared.state() == "FAILED"
        assert "ValueError" in shared.get("CMD_ERROR")


def test_ctrl_c_ends_everything_without_noise(demo: Demo) -> None:
    processes = family(demo.pid)
    names = [" ".join(process.cmdline()) for process in processes]
    assert any("sswd.demo.device" in name for name in names)
    demo.put("CMD", "sleep(60)", wait=False)
    demo.wait_for("CMD_STATE", "RUNNING")
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.process.wait(10) == 0
    assert_gone(processes)
    assert "Traceback" not in demo.log
    assert "ERROR" not in demo.log


def test_kill_9_leaves_nothing(demo: Demo) -> None:
    processes = family(demo.pid)
    demo.process.kill()
    demo.process.wait()
    assert_gone(processes)


def test_without_pyvisa_it_says_what_to_install(folder: Path) -> None:
    program = "import sys; sys.modules['pyvisa'] = None; from sswd import demo; "
    done = subprocess.run(
        [sys.executable, "-c", program + "sys.exit(demo.run())"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 1
    assert 'pip install "sswd[demo]"' in done.stderr
    assert done.stderr.count("\n") == 1
