"""W5: what clients feel while the system blocks in every way it can.

At the same time: gets at up to 1 kHz from a connected client, clients that connect
anew, and put-callbacks on another system's PV. All are connected before the block
begins, or the stall would hide in the time to connect. For "stopped" the process with
the system's code gets SIGSTOP: the worker of sswd, with the others the server itself.
"""

import contextlib
import time
from collections.abc import Iterator

from bench.client import Load, stopping
from bench.running import RunningServer
from bench.servers import Shape
from bench.trial import Trial

PUTS = 10_000
SETTLE_S = 0.05
BLOCKS = {
    "idle": "",
    "sleeping": "SLEEP",
    "computing": "SPIN",
    "gil": "GIL",
    "stopped": "",
    "flooding": "FLOOD",
    "puts": "SLEEP",
}


def run(trial: Trial) -> None:
    """Notes, for each block, get and new (times) and other (put-callback)."""
    secs = trial.pick(2.0, 0.8)
    with trial.serve(Shape(systems=2)) as server:
        for block in BLOCKS:
            with (
                stopping(_loads(server, block, secs)) as loads,
                _during(server, block, secs),
            ):
                for load in loads:
                    load.go()
                get, new, other, *_ = [load.result() for load in loads]
            trial.times(f"{block}.get", get.series["lat"])
            trial.times(f"{block}.new", new.series["lat"])
            trial.times(f"{block}.other", other.series["lat"])
            server.wait_answer()


def _loads(server: RunningServer, block: str, secs: float) -> list[Load]:
    loads = [
        server.load("get", pv="T:val0", gap_us=1000, secs=secs),
        server.load("newcomers", pv="T:val0", gap_us=50_000, secs=secs),
        server.load("put", pv="T:S1:CMD", gap_us=2000, secs=secs),
    ]
    if block == "puts":
        loads.append(
            server.load("put", pv="T:CMD", text="NOP", callback=0, n=PUTS, secs=secs)
        )
    return loads


@contextlib.contextmanager
def _during(server: RunningServer, block: str, secs: float) -> Iterator[None]:
    """The block has begun, and outlasts the measurement."""
    if block == "stopped":
        with server.stopped(server.system_pid, secs):
            yield
        return
    if BLOCKS[block]:
        server.command(f"{BLOCKS[block]} {secs + 0.2}")
        time.sleep(SETTLE_S)
    yield
