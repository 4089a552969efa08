"""bluesky's scans over two stages: prints how each run ended as JSON."""

import sys
import threading
from typing import Any

from bluesky import RunEngine
from bluesky.plans import grid_scan, rel_scan, scan
from bluesky.utils import RunEngineInterrupted
from motor_steps import WAIT_S, kill_worker, outcome, pv, show, until, wait_running
from ophyd import EpicsMotor


def main() -> None:
    left, right = (
        EpicsMotor(sys.argv[1] + name, name=name.lower()) for name in ("LEFT", "RIGHT")
    )
    for motor in (left, right):
        motor.wait_for_connection(timeout=WAIT_S)
    engine = RunEngine({})
    engine.record_interruptions = False
    ends: list[Any] = []
    rows: list[Any] = []

    def keep(name: str, document: dict[str, Any]) -> None:
        if name == "event":
            data = document["data"]
            rows.append(
                [round(data[key], 3) for key in ("left", "right") if key in data]
            )
        if name == "stop":
            ends.append([document["exit_status"], rows.copy()])
            rows.clear()

    engine.subscribe(keep)
    engine(scan([], left, 0, 1, 3))
    engine(rel_scan([], left, -0.5, 0.5, 3))
    engine(grid_scan([], left, 0, 0.5, 2, right, 0, 0.5, 2))

    def when_moving(act: Any) -> threading.Thread:
        def wait() -> None:
            until(lambda: pv("LEFT.MOVN") == 1, "MOVN")
            act()

        thread = threading.Thread(target=wait)
        thread.start()
        return thread

    thread = when_moving(lambda: engine.request_pause(defer=False))
    try:
        engine(scan([], left, 10, 12, 3))
    except RunEngineInterrupted:
        engine.abort("a person said so")
    thread.join()
    until(lambda: pv("LEFT.DMOV") == 1, "DMOV")
    aborted_at = pv("LEFT.RBV") < 9.9
    thread = when_moving(kill_worker)
    killed = outcome(lambda: engine(scan([], left, 15, 16, 2)))
    thread.join()
    wait_running()
    engine(scan([], left, 0, 0.2, 2))
    show(ends=ends, aborted_at=aborted_at, killed=killed)


main()
