"""Two systems in one daemon, and the program `sswd` as its operators run it."""

import contextlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sswd import cli
from sswd.testing import Daemon, running_daemon

MISBEHAVING = Path(__file__).parents[1] / "misbehaving"
CONFIG = """\
prefix = "@"
[system.main]
prefix = "MAIN:"
target = "stalls:Slow"
[system.main.restart]
stall_s = 0.5
[system.main.command]
abort_s = [0.1, 0.1, 0.5]
[system.main.pvs.LEVEL]
type = "float"
limits = [0, 10]
writable = true
[system.main.pvs.MODE]
type = "enum"
strings = ["off", "on"]
writable = true
[system.other]
prefix = "OTHER:"
target = "echo:Echo"
"""


@contextlib.contextmanager
def two_systems() -> Iterator[Daemon]:
    """Both are RUNNING. Programs of this process find the daemon meanwhile."""
    with running_daemon(config=CONFIG, folder=MISBEHAVING, ready=False) as daemon:
        for system in ("MAIN:", "OTHER:"):
            daemon.wait_for(f"{system}WORKER:STATE", "RUNNING", timeout_s=60)
        with found_here(daemon):
            yield daemon


@contextlib.contextmanager
def found_here(daemon: Daemon) -> Iterator[None]:
    """Programs of this process, and those it starts, find the daemon meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNTIME_DIRECTORY", str(daemon.folder / "run"))
        yield


def sswd(*words: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of the program, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(words)
    return code, out.getvalue(), err.getvalue()


def good(*words: str) -> str:
    """Standard output of a program that must succeed."""
    code, out, err = sswd(*words)
    assert (code, err) == (0, ""), (code, out, err)
    return out


def objects(*words: str) -> list[dict[str, Any]]:
    """The JSON objects that it prints."""
    return [json.loads(line) for line in good(*words, "--json").splitlines()]


def status() -> dict[str, Any]:
    """The status, whatever is wrong."""
    _, out, _ = sswd("status", "--json")
    return json.loads(out)


@contextlib.contextmanager
def started(*words: str) -> Iterator["subprocess.Popen[str]"]:
    """The program as a process, while the block runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "sswd", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
