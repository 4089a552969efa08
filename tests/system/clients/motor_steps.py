"""What every client of motors has to see of examples/motor, and how a worker dies."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import epics

WAIT_S = 20.0


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait until it holds."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {WAIT_S} s: {what}")
        time.sleep(0.01)


def pv(name: str) -> Any:
    """The value of a PV, by its name without prefix."""
    return epics.caget(sys.argv[1] + name, use_monitor=False)


def put(name: str, value: Any) -> None:
    epics.caput(sys.argv[1] + name, value)


def kill_worker() -> None:
    """As the out-of-memory killer would."""
    os.kill(pv("WORKER:PID"), signal.SIGKILL)


def wait_running() -> None:
    """The next worker runs, and has told how its motors are."""
    until(lambda: pv("WORKER:STATE") == 2, "RUNNING")
    until(lambda: pv("LEFT.DMOV") == 1, "DMOV")


def outcome(act: Callable[[], Any]) -> str:
    """ "done", or the class of what it raised."""
    try:
        act()
    except Exception as error:  # the test compares the class
        return type(error).__name__
    return "done"


def show(**seen: Any) -> None:
    """The last line that the test reads."""
    print(json.dumps(seen))
