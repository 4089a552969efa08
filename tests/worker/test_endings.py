"""The end of a worker that nobody kills, and the firewall around what systems raise."""

import signal
import time
from pathlib import Path

import pytest

from sswd.pipe.protocol import Begin, Failed, Leaving, Loaded, Pulse, Stop


@pytest.fixture
def worker(rig, tmp_path):
    return rig("endings:Endings", args={"path": str(tmp_path)}).begin()


@pytest.mark.parametrize(
    ("what", "file", "text"),
    [
        ("rows", "rows", "1, 2, 3\n"),
        ("fork_at_exit", "rows", "1, 2, 3\n"),
        ("thread", "thread", "done"),
        ("atexit", "atexit", "done"),
        ("c_atexit", "stdio", "in C's buffer\n"),
    ],
)
def test_an_orderly_stop_runs_what_python_runs(worker, tmp_path, what, file, text):
    worker.run(what)
    assert worker.stop() == 0
    assert (tmp_path / file).read_text() == text


def test_idle_threads_of_an_executor_are_no_reason_to_wait(worker):
    worker.run("executor")
    assert worker.stop() == 0
    assert not [r for r in worker.logs() if "still run" in r.message]


def test_threads_that_do_not_end_are_told(rig):
    worker = rig("systems:Chameleon").begin()
    worker.run("stubborn_threads")
    assert worker.stop() == 0
    assert [r for r in worker.logs() if "still run" in r.message]


def test_a_process_that_nobody_joins_is_ended_and_told(worker, tmp_path):
    """It must not keep the driver's own atexit functions and rows from their turn."""
    worker.run("child")
    assert worker.stop() == 0
    assert (tmp_path / "atexit").read_text() == "done"
    assert (tmp_path / "rows").read_text() == "1, 2, 3\n"
    assert [r for r in worker.logs() if "still run: endless" in r.message]


@pytest.mark.timing
@pytest.mark.parametrize("what", ["hang_at_exit", "exit_and_hang", "own_exit_and_hang"])
def test_the_end_has_a_deadline_and_tells_where_it_hangs(worker, what):
    command = worker.execute(what)
    if what == "hang_at_exit":
        worker.wait_finished(command)
        worker.order(Stop())
    begun_s = time.monotonic()
    assert worker.wait_exit() == 1
    assert time.monotonic() - begun_s < 6.0
    assert "Timeout (0:00:03)!" in worker.printed
    assert "in hang" in worker.printed


@pytest.mark.timing
def test_a_kernel_timer_stands_behind_the_deadline(worker):
    worker.run("cancel_and_hang")
    begun_s = time.monotonic()
    assert worker.stop() == -signal.SIGALRM
    assert time.monotonic() - begun_s < 7.0


def test_the_ioc_is_told_before_what_may_cancel_all_timers(worker):
    worker.run("cancel_all_and_hang")
    worker.order(Stop())
    worker.wait(Leaving)


@pytest.mark.parametrize("what", ["masked_thread", "ask_late"])
def test_signals_do_not_spoil_the_end(worker, what):
    worker.run(what)
    assert worker.stop() == 0


def test_no_pulse_once_the_main_thread_is_leaving(rig, tmp_path):
    """What is lost for good must not look alive while its end hangs."""
    worker = rig("endings:Endings", args={"path": str(tmp_path)}, pulse_s=0.05).begin()
    worker.wait(Pulse)
    worker.execute("exit_and_hang")
    worker.wait_exit()  # 3 s: sixty pulses
    last = max(i for i, m in enumerate(worker.said) if not isinstance(m, Pulse))
    assert len(worker.said) - last < 10


def test_no_pulse_when_c_code_has_ended_the_main_thread(rig, tmp_path):
    """Its command will never end, so somebody must be told."""
    args = {"path": str(tmp_path)}
    worker = rig("endings:Endings", args=args, pulse_s=0.05).begin()
    worker.execute("end_thread")
    stat = Path(f"/proc/{worker.pid}/stat")
    until_s = time.monotonic() + 5.0
    while " Z " not in stat.read_text() and time.monotonic() < until_s:
        worker.pump(0.01)
    while worker.pump(0.2):  # four pulse periods
        assert time.monotonic() < until_s, "it pulses still"


@pytest.mark.parametrize("what", ["bad_stdout", "no_streams"])
def test_a_stdout_that_cannot_be_flushed_does_not_keep_it(worker, what):
    worker.run(what)
    assert worker.stop() == 0


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ("unspeakable", "Unspeakable", "its message cannot be had: Exit"),
        ("syntax", "SyntaxError", "odd"),
        ("cancelled", "CancelledError", ""),
    ],
)
def test_the_firewall_holds_what_commands_raise(worker, what, kind, words):
    failure = worker.run(what).failure
    assert failure is not None
    assert failure.kind == kind
    assert words in failure.message
    assert "in do_" in failure.traceback
    assert worker.run("nothing").failure is None


def test_a_record_that_cannot_be_formatted_is_told(worker):
    worker.run("log_unspeakable")
    assert "unfit arguments (Exit: no words)" in worker.logs()[-1].message
    assert worker.run("nothing").failure is None


def test_the_firewall_holds_what_periodic_methods_raise(rig, tmp_path):
    worker = rig("endings:BadPeriodic", args={"path": str(tmp_path)}).begin()
    worker.wait_post("values")
    for _ in range(5):
        worker.wait_post("values")
    assert worker.run("nothing").failure is None
    assert "periodic method read failed" in worker.logs()[0].message
    assert worker.stop() == 0


def test_the_firewall_holds_what_close_raises(worker):
    worker.run("close_raises")
    assert worker.stop() == 0
    failed = next(m for m in worker.said if isinstance(m, Failed))
    assert (failed.doing, failed.failure.kind) == ("close", "Exit")


@pytest.mark.parametrize("folder", ["base", "other"])
def test_a_setup_that_raises_what_cannot_be_formatted(rig, tmp_path, folder):
    path = tmp_path / folder
    path.mkdir()
    worker = rig("endings:BadSetup", args={"path": str(path)})
    worker.wait(Loaded)
    worker.order(Begin())
    assert worker.wait_exit() == 70
    assert (path / "atexit").read_text() == "done"
    told = worker.printed + "".join(
        m.failure.traceback for m in worker.said if isinstance(m, Failed)
    )
    assert "in setup" in told
