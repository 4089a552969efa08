"""A bluesky RunEngine with sswd.ophyd: scans, a worker killed at a point, a flight."""

import json
import os
import signal
import sys

import bluesky.plans as bp
from bluesky import RunEngine
from ophyd import Component, EpicsSignalRO
from plan_run import run

from sswd.ophyd import SswdSequence, SswdSystem, action, setpoint

WAIT_S = 20.0


class Stage(SswdSystem):
    target = setpoint("TARGET", readback="POSITION")
    home = action("HOME")
    pid = Component(EpicsSignalRO, "WORKER:PID", kind="omitted")


def main() -> None:
    engine = RunEngine({}, context_managers=[])
    stage = Stage(sys.argv[1] + "STAGE:", name="stage")
    axis = SswdSequence(sys.argv[1] + "AXIS:", name="axis")
    for device in (stage, axis):
        device.wait_for_connection(timeout=WAIT_S)
    seen: dict[str, object] = {}
    plan = bp.scan([stage.target], stage.target, 0, 2, 3)
    status, _, events = run(engine, plan)
    seen["scan"] = [status, [event["stage_target"] for event in events]]

    def kill(name: str, doc: dict) -> None:
        if doc.get("seq_num") == 1:
            os.kill(int(stage.pid.get(use_monitor=False)), signal.SIGSTOP)
            os.kill(int(stage.pid.get(use_monitor=False)), signal.SIGKILL)

    token = engine.subscribe(kill, "event")
    status, reason, events = run(engine, bp.scan([stage.target], stage.target, 0, 2, 3))
    engine.unsubscribe(token)
    seen["killed"] = [status, reason, len(events)]
    state = Component(EpicsSignalRO, "WORKER:STATE").cls(
        stage.prefix + "WORKER:STATE", name="state", string=True
    )
    until(lambda: state.get(use_monitor=False) == "RUNNING")
    plan = bp.scan([stage.target], stage.target, 1, 2, 2)
    status, _, events = run(engine, plan)
    seen["next"] = [status, [event["stage_target"] for event in events]]

    stage.home.trigger().wait(WAIT_S)
    seen["home"] = stage.target.get(use_monitor=False)
    seen["refused"] = str(stage.target.set(99.0).exception(WAIT_S))
    moving = stage.set("sleep")
    until(lambda: stage.cmd_state.get(use_monitor=False) == "RUNNING")
    stage.stop()
    seen["aborted"] = str(moving.exception(WAIT_S))

    axis.set("[1, 3, 5]").wait(WAIT_S)
    status, _, events = run(engine, bp.fly([axis]))
    seen["fly"] = [status, [event["axis_val"] for event in events]]
    print(json.dumps(seen))


def until(is_so) -> None:
    import time

    end_s = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > end_s:
            raise TimeoutError
        time.sleep(0.02)


main()
