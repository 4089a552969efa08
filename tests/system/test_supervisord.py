"""deploy/supervisor/sswd.conf as shipped, under a real supervisord from PyPI."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import assert_gone, family, until
from supervisord_rig import BIN, DEPLOY, SHIPPED, START_S, TARGET, Supervisord

from sswd.testing import loopback_env
from sswd.testing.loopback import free_port

NAMES, ROUNDS = ("one", "two", "three", "four"), 5
"""Daemons beside each other, and how often each is restarted: 20 times in all."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, since a unix socket's path holds 108 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="sv"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.timeout(180)
def test_start_restart_crash_stop_start(folder: Path) -> None:
    supervisord = Supervisord(folder, TARGET)
    try:
        first = supervisord.daemon()
        supervisord.ctl("signal", "HUP", "sswd")
        supervisord.pvs.wait_for("WORKER:RUN", 2)
        assert supervisord.daemon() == first, "HUP is for the worker alone"
        supervisord.ctl("signal", "USR1", "sswd")
        until(lambda: "most recent call first" in supervisord.tail(), "stacks")

        processes = family(first)
        assert len(processes) >= 2, "a daemon without a worker?"

        supervisord.ctl("restart", "sswd")
        assert_gone(processes)
        second = supervisord.daemon()
        assert second != first

        processes = family(second)
        processes[0].send_signal(signal.SIGKILL)
        assert_gone(processes)
        third = supervisord.daemon()
        assert third != second

        processes = family(third)
        supervisord.ctl("stop", "sswd")
        assert "STOPPED" in supervisord.ctl("status", "sswd")
        assert_gone(processes)
        assert "stopped: sswd (exit status 0)" in supervisord.log()

        supervisord.ctl("start", "sswd")
        processes = family(supervisord.daemon())
    finally:
        supervisord.close()
    assert_gone(processes)
    # Every stop was in time: supervisord never had to use force.
    assert "killing 'sswd'" not in supervisord.log()


def plain(folder: Path, name: str) -> str:
    """A program with its port and, since they run beside each other, its prefix."""
    config = folder / f"{name}.toml"
    config.write_text(TARGET.read_text().replace('"T:"', f'"{name}:"'))
    path = os.pathsep.join([str(TARGET.parent), os.environ.get("PYTHONPATH", "")])
    env = {**loopback_env(), "PYTHONPATH": path.rstrip(os.pathsep)}
    given = ",".join(f'{key}="{value}"' for key, value in env.items())
    return (
        f"[program:{name}]\ncommand={BIN}/sswd run --exclusive-port {config}\n"
        f"environment={given}\n"
        f"stderr_logfile={folder}/{name}.log\n"
    )


@pytest.mark.row(39)
@pytest.mark.timeout(240)
def test_twenty_restarts_with_supervisords_own_settings(folder: Path) -> None:
    """No line of ours but the command: its defaults would kill after 10 s, and not the
    group. The ports are exclusive, so that one who finds its own taken exits with 69.

    Four daemons, five times each, because supervisord takes a second over each start.
    """
    program = folder / "plain.conf"
    program.write_text("".join(plain(folder, name) for name in NAMES))
    supervisord = Supervisord(folder, TARGET, program)
    fds, rss_mb = 0, []
    try:
        for _ in range(ROUNDS):
            processes = supervisord.families(NAMES)
            daemons = processes[: len(NAMES)]
            fds = fds or max(daemon.num_fds() for daemon in daemons)
            for daemon in daemons:
                until(lambda: daemon.num_fds() <= fds, "no more than at first")  # noqa: B023
                rss_mb.append(daemon.memory_info().rss / 1e6)
            words = supervisord.ctl("restart", *NAMES)
            for name in NAMES:
                assert f"{name}: started" in words, words
            assert_gone(processes)
        processes = supervisord.families(NAMES)
        supervisord.ctl("stop", *NAMES)
        assert_gone(processes)
    finally:
        supervisord.close()
    said = supervisord.log()
    for name in NAMES:
        lives = 1 + ROUNDS
        assert said.count(f"spawned: '{name}'") == lives, "one of them failed"
        assert said.count(f"stopped: {name} (exit status 0)") == lives
        assert f"killing '{name}'" not in said
    assert max(rss_mb) < rss_mb[0] + 10


def test_a_wrong_configuration_is_not_retried(folder: Path) -> None:
    config = folder / "wrong.toml"
    config.write_text("[system.x]\ntarget = 1\n")
    supervisord = Supervisord(folder, config)
    try:
        until(lambda: "exit status 78; expected" in supervisord.log(), "78", START_S)
        assert "EXITED" in supervisord.ctl("status", "sswd")
        assert "system.x.target" in supervisord.tail()
    finally:
        supervisord.close()
    assert supervisord.log().count("spawned: 'sswd'") == 1


def test_a_taken_port_is_retried(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        program = folder / "exclusive.conf"
        line = "command=%(ENV_SSWD)s run"
        shipped = SHIPPED.read_text()
        assert line in shipped
        program.write_text(shipped.replace(line, f"{line} --exclusive-port"))
        port_of = {"EPICS_CAS_SERVER_PORT": port}
        supervisord = Supervisord(folder, TARGET, program, **port_of)
        try:
            until(
                lambda: supervisord.log().count("exit status 69") >= 2,
                "the second attempt",
                START_S,
            )
        finally:
            supervisord.close()


def instances(folder: Path) -> Path:
    """The files for several daemons and for the listener, which looks at a word of ours
    as well as at TICK_5, and soon loses patience. The second has a port of its own."""
    text = (DEPLOY / "several-instances.conf").read_text()
    text += (DEPLOY / "sswd-events.conf").read_text()
    for shipped, ours in {
        'EPICS_CAS_BEACON_PERIOD="15"': f'EPICS_CAS_SERVER_PORT="{free_port()}"',
        "events=TICK_5": "events=TICK_5,REMOTE_COMMUNICATION",
        "-supervisor-events\n": "-supervisor-events --times 2 --answer-s 0.3\n",
    }.items():
        assert text.count(shipped) == 1
        text = text.replace(shipped, ours)
    for name in ("stage", "furnace"):
        config = TARGET.read_text().replace('"T:"', f'"{name}:"')
        (folder / f"{name}.toml").write_text(config)
    shutil.copy(TARGET.with_suffix(".py"), folder)
    program = folder / "instances.conf"
    program.write_text(text)
    return program


def pid_of(supervisord: Supervisord, program: str) -> str:
    """Of a program that runs; empty: it does not."""
    found = supervisord.ctl("pid", program).strip()
    return found if found.isdecimal() and found != "0" else ""


@pytest.mark.timeout(180)
def test_of_several_daemons_the_one_that_does_not_answer_is_restarted(
    folder: Path,
) -> None:
    names = {"SSWD_CONFIGS": str(folder)}
    supervisord = Supervisord(folder, TARGET, instances(folder), **names)
    run = folder / "run"
    try:
        until(lambda: len(list(run.glob("*.sock"))) == 2, "two daemons", START_S)
        until(
            lambda: "RUNNING" in supervisord.ctl("status", "sswd-events"), "", START_S
        )
        stage = pid_of(supervisord, "sswd:sswd-stage")
        furnace = pid_of(supervisord, "sswd:sswd-furnace")
        supervisord.tell("look")
        until(lambda: supervisord.log().count("sswd-events") >= 2, "the listener")
        assert pid_of(supervisord, "sswd:sswd-stage") == stage, "it answered"

        os.kill(int(stage), signal.SIGSTOP)
        for _ in range(2):
            supervisord.tell("look")
        until(
            lambda: pid_of(supervisord, "sswd:sswd-stage") not in ("", stage),
            "the restart",
            START_S,
        )
        assert pid_of(supervisord, "sswd:sswd-furnace") == furnace
        said = supervisord.ctl("tail", "sswd-events", "stderr")
        assert f"sswd:sswd-stage (pid {stage}) is restarted" in said
        until(lambda: len(list(run.glob("*.sock"))) == 2, "both again", START_S)
    finally:
        supervisord.close()
