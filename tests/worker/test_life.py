"""From launch to exit: handshake, failures in words, exit codes, orphans."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sswd.pipe.protocol import PROTOCOL, Begin, Failed, Loaded, Pulse, Ready, Rung

from .rig import DRIVERS, LIMIT_S, Rig


def wait_gone(pid: int) -> None:
    """Until no such process is left, zombies aside (their parent may be slow)."""
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} is still there")


# -- handshake


def test_handshake(rig):
    worker = rig("systems:Chameleon", args={"word": "hello"})
    loaded = worker.wait(Loaded)
    assert loaded.protocol == PROTOCOL
    worker.order(Begin())
    worker.wait(Ready)
    worker.run("word")
    assert worker.posted("message") == ["hello"]


def test_it_waits_for_begin_and_pulses_meanwhile(rig):
    worker = rig("systems:Chameleon", pulse_s=0.02)
    worker.wait(Loaded)
    for _ in range(3):
        worker.wait(Pulse)
    assert not any(isinstance(m, Ready) for m in worker.said)


def test_stop_instead_of_begin_ends_it_in_order(rig):
    worker = rig("systems:Chameleon")
    worker.wait(Loaded)
    assert worker.stop() == 0
    assert not any(isinstance(m, Ready) for m in worker.said)


def test_it_pulses_while_a_command_runs(rig):
    worker = rig("systems:Chameleon", pulse_s=0.02).begin()
    worker.execute("our_sleep")
    worker.wait_post("message", "in")
    worker.said.clear()
    worker._taken = 0
    for _ in range(3):
        worker.wait(Pulse)


def test_no_pulse_while_the_gil_is_held(rig):
    worker = rig("systems:Chameleon", pulse_s=0.02).begin()
    command = worker.execute("gil")
    worker.wait_post("message", "in")
    worker.said.clear()
    worker._taken = 0
    worker.wait_finished(command)
    pulses = [m for m in worker.said if isinstance(m, Pulse)]
    assert len(pulses) <= 2  # it holds the GIL for 25 pulse periods


def test_the_arguments_may_be_for_new(rig):
    worker = rig("systems:NeedsNew", args={"word": "hi"}).begin()
    worker.run("x")
    assert worker.posted("message") == ["hi"]


# -- failures before RUNNING


@pytest.mark.parametrize(
    ("target", "doing", "kind", "words"),
    [
        ("nowhere:X", "import", "LoadError", "no module 'nowhere'"),
        ("systems:Nothing", "import", "LoadError", "has no 'Nothing'"),
        ("systems", "import", "LoadError", "is not of the form"),
        ("systems:os.getpid", "import", "LoadError", "not a class"),
        ("broken_import:X", "import", "ModuleNotFoundError", "missing_dependency"),
        ("systems:BadConstructor", "construction", "OSError", "no such instrument"),
        ("systems:Neither", "construction", "LoadError", "neither io_execute"),
        ("systems:BadSetup", "setup", "ConnectionRefusedError", "nobody listens"),
    ],
)
def test_failures_are_told_with_exit_code_70(rig, target, doing, kind, words):
    worker = rig(target)
    if doing != "import":
        worker.wait(Loaded)
        worker.order(Begin())
    failed = worker.failed()
    assert (failed.doing, failed.failure.kind) == (doing, kind)
    assert words in failed.failure.message
    if kind != "LoadError":
        assert kind in failed.failure.traceback
    assert worker.wait_exit() == 70


def test_a_syntax_error_is_told_with_its_line(rig, tmp_path):
    (tmp_path / "broken_syntax.py").write_text("def broken(:\n")
    worker = rig("broken_syntax:X", folder=str(tmp_path))
    failed = worker.failed()
    assert (failed.doing, failed.failure.kind) == ("import", "SyntaxError")
    assert "line 1" in failed.failure.traceback


def test_wrong_arguments_are_a_failed_construction(rig):
    worker = rig("systems:Periodic", args={"speed": 3})
    worker.wait(Loaded)
    worker.order(Begin())
    failed = worker.failed()
    assert failed.doing == "construction"
    assert "speed" in failed.failure.message


def test_the_log_before_a_failed_setup_is_not_lost(rig):
    worker = rig("systems:BadSetup")
    worker.wait(Loaded)
    worker.order(Begin())
    worker.failed()
    assert [r.message for r in worker.logs()] == ["about to fail"]


def test_a_keyboard_interrupt_in_setup_ends_it_although_threads_live(rig):
    """Nothing but Exception may be expected of user code, and no thread keeps it."""
    worker = rig("systems:InterruptedSetup")
    worker.wait(Loaded)
    worker.order(Begin())
    assert worker.wait_exit() not in (0, None)
    assert "KeyboardInterrupt" in worker.printed


@pytest.mark.parametrize("how", ["our sleep", "time.sleep"])
def test_setup_is_interrupted_by_cancel_0(rig, how):
    worker = rig("systems:SlowSetup", args={"how": how})
    worker.wait(Loaded)
    worker.order(Begin())
    worker.wait_post("message", "in setup")
    worker.cancel(0, Rung.EXCEPTION)
    assert worker.wait_exit() == 0
    assert worker.posted("message") == ["in setup", "closed"]
    assert not any(isinstance(m, Failed | Ready) for m in worker.said)


def test_a_setup_cancelled_before_it_began_does_not_begin(rig):
    worker = rig("systems:SlowSetup", args={"how": "time.sleep"})
    worker.wait(Loaded)
    worker.cancel(0, Rung.EXCEPTION)
    worker.order(Begin())
    assert worker.wait_exit() == 0
    assert worker.posted("message") == []


# -- ends


def test_stop_closes_and_sends_the_last_words(rig):
    worker = rig("systems:Chameleon", grants=False, credits=1).begin()
    worker.run("burst")
    assert worker.stop() == 0
    assert worker.posted("message") == ["closed"]


def test_close_runs_once_a_command_was_ended(worker):
    command = worker.execute("time_sleep")
    worker.wait_post("message", "in")
    worker.cancel(command, Rung.EXCEPTION)
    assert worker.stop() == 0
    assert worker.posted("message")[-1] == "closed"


def test_close_that_fails_is_told_and_the_stop_is_orderly(rig):
    worker = rig("systems:BadClose").begin()
    assert worker.stop() == 0
    failed = next(m for m in worker.said if isinstance(m, Failed))
    assert (failed.doing, failed.failure.message) == ("close", "cannot close")


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit", 5), ("os_exit", 3), ("exit_words", 1), ("segfault", -signal.SIGSEGV)],
)
def test_exit_codes(worker, command, code):
    worker.execute(command)
    assert worker.wait_exit() == code
    assert worker.is_up_closed


def test_words_of_sys_exit_are_told(worker):
    worker.execute("exit_words")
    worker.wait_exit()
    assert "the shutter is stuck" in worker.printed


def test_a_segfault_leaves_its_stack(worker):
    worker.execute("segfault")
    worker.wait_exit()
    assert "Fatal Python error: Segmentation fault" in worker.printed
    assert "do_segfault" in worker.printed


def test_threads_of_the_driver_do_not_keep_it(worker):
    worker.run("stubborn_threads")
    assert worker.stop() == 0


def test_a_stdout_of_none_does_not_keep_it(worker):
    worker.run("no_stdout")
    assert worker.stop() == 0


@pytest.mark.parametrize("doing", ["idle", "time_sleep", "post_loop"])
def test_it_ends_when_the_ioc_is_gone(worker, doing):
    """The control thread sees the end of ctl, whatever main does."""
    if doing != "idle":
        worker.execute(doing)
        worker.wait_post("message", "in")
    worker.close_ctl()
    assert worker.wait_exit() == 69


def test_an_idle_worker_ends_when_cmd_is_closed(worker):
    worker.close_cmd()
    assert worker.wait_exit() == 69


def test_a_waiting_standby_ends_when_the_ioc_is_gone(rig):
    worker = rig("systems:Chameleon")
    worker.wait(Loaded)
    worker.close_ctl()
    assert worker.wait_exit() == 69


# -- processes

PARENT = f"""
import os, sys, time
from sswd.pipe.launch import launch
from sswd.pipe.worker_spec import WorkerSpec

spec = WorkerSpec(name="orphan", target="systems:Chameleon", folder={str(DRIVERS)!r})
process = launch(spec)
print(process.pid, flush=True)
{{then}}
"""


def launched_by(then: str, tmp_path: Path) -> subprocess.Popen:
    script = tmp_path / "unguarded.py"
    script.write_text(PARENT.format(then=then))
    return subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
    )


def test_a_worker_dies_with_its_parent_even_when_the_gil_is_held(tmp_path):
    """PDEATHSIG: nothing of ours gets to run in the worker."""
    then = """
import select
from sswd.pipe.framing import FrameReader, FrameWriter
from sswd.pipe.codec import MessageDecoder
from sswd.pipe.protocol import Begin, Execute, Loaded, Post, Ready, Restore, Up

reader = FrameReader(process.up, MessageDecoder(Up))
poll = select.poll()
poll.register(process.up)
FrameWriter(process.ctl).send(Begin())
cmd = FrameWriter(process.cmd)
cmd.send(Restore({}))
cmd.send(Execute(1, "CMD", "gil_for_long"))
while True:
    poll.poll()
    for message in reader.read():
        if isinstance(message, Post):
            print("in", flush=True)
"""
    with launched_by(then, tmp_path) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.stdout.readline() == "in\n"
        parent.kill()
    wait_gone(pid)


def test_an_unguarded_script_is_not_run_again_in_the_worker(tmp_path):
    then = """
print("starts", flush=True)
time.sleep(1.0)
process.kill_group()
"""
    with launched_by(then, tmp_path) as parent:
        assert parent.stdout is not None
        printed = parent.stdout.read()
    assert printed.count("starts") == 1
    assert len(printed.splitlines()) == 2  # one pid: one worker


def test_main_of_the_worker_is_not_that_of_its_parent(worker):
    worker.run("main")
    assert "pytest" not in worker.posted("message")[0]


def test_it_leads_its_own_group_and_takes_its_children_along(worker):
    worker.run("manners")
    group, pid = worker.posted("message")[0].split()
    assert group == pid
    assert os.getpgid(0) != int(group)
    worker.run("child")
    child = int(worker.posted("message")[1])
    worker.process.kill_group()
    worker.wait_exit()
    wait_gone(child)


def test_children_of_c_code_get_no_pipe_of_ours(worker):
    process = worker.process
    ours = {
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in (process.cmd, process.ctl, process.stdio)
    }
    worker.run("shell_child")
    printed = worker.wait_output("2 -> ")
    inherited = {
        line.split(" -> ")[0].split()[-1]: line.split(" -> ")[1]
        for line in printed.splitlines()
        if "->" in line
    }
    assert inherited.pop("1") in ours  # stdout and stderr are meant to be
    assert inherited.pop("2") in ours
    assert not ours & set(inherited.values())
    assert not [to for to in inherited.values() if to.startswith(("socket", "anon"))]


def test_sigint_does_not_end_it(worker):
    os.kill(worker.pid, signal.SIGINT)
    assert worker.run("nothing").failure is None


def test_no_sigint_ends_it_as_it_starts(rig):
    """Ctrl-C on a terminal comes to a Python that still begins, too."""
    worker = rig("systems:Chameleon")
    for _ in range(60):
        os.kill(worker.pid, signal.SIGINT)
        time.sleep(0.005)
    worker.begin()
    assert worker.run("nothing").failure is None


def test_sigterm_ends_it(worker):
    worker.process.terminate()
    assert worker.wait_exit() == -signal.SIGTERM


def test_no_caproto_in_a_worker(worker):
    worker.run("modules")
    modules = worker.posted("message")[0].split(",")
    assert "sswd" in modules
    assert "caproto" not in modules
    assert "asyncio" not in modules


def test_everything_is_given_back(rig):
    """The parent's descriptors: the leak check of conftest.py looks at the rest."""
    before = len(os.listdir("/proc/self/fd"))
    worker = Rig("systems:Chameleon")
    assert worker.begin().stop() == 0
    worker.close()
    assert len(os.listdir("/proc/self/fd")) == before
