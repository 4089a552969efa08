"""A bluesky RunEngine with sswd.ophyd_async: as bluesky_ophyd.py."""

import asyncio
import json
import os
import signal
import sys

import bluesky.plan_stubs as bps
import bluesky.plans as bp
from aioca import caget
from bluesky import RunEngine
from ophyd_async.core import init_devices
from plan_run import run

from sswd.ophyd_async import SswdAction, SswdSequence, SswdSetpoint, SswdSystem

WAIT_S = 20.0


class Stage(SswdSystem):
    def __init__(self, prefix: str, name: str = "") -> None:
        self.target = SswdSetpoint(float, prefix, "TARGET", readback="POSITION")
        self.home = SswdAction(prefix, "HOME")
        super().__init__(prefix, name)


async def until(pv: str, wanted: str) -> None:
    while str(await caget(pv, datatype=str)) != wanted:
        await asyncio.sleep(0.02)


def main() -> None:
    engine = RunEngine({}, context_managers=[])

    def wait(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, engine.loop).result(WAIT_S)

    prefix = sys.argv[1] + "STAGE:"
    with init_devices(timeout=WAIT_S):
        stage = Stage(prefix, name="stage")
        axis = SswdSequence(sys.argv[1] + "AXIS:", name="axis")
    name = stage.target.readback.name
    seen: dict[str, object] = {}
    plan = bp.scan([stage.target], stage.target, 0, 2, 3)
    status, _, events = run(engine, plan)
    seen["scan"] = [status, [event[name] for event in events]]

    pid = int(wait(caget(f"{prefix}WORKER:PID")))

    def kill(name: str, doc: dict) -> None:
        if doc.get("seq_num") == 1:
            os.kill(pid, signal.SIGSTOP)
            os.kill(pid, signal.SIGKILL)

    token = engine.subscribe(kill, "event")
    plan = bp.scan([stage.target], stage.target, 0, 2, 3)
    status, reason, events = run(engine, plan)
    engine.unsubscribe(token)
    seen["killed"] = [status, reason, len(events)]
    wait(until(f"{prefix}WORKER:STATE", "RUNNING"))
    plan = bp.scan([stage.target], stage.target, 1, 2, 2)
    status, _, events = run(engine, plan)
    seen["next"] = [status, [event[name] for event in events]]

    engine(bps.trigger(stage.home, wait=True))
    seen["home"] = wait(stage.target.readback.get_value())

    async def refused() -> str:
        try:
            await stage.target.set(99.0)
        except Exception as ex:
            return str(ex)
        return ""

    async def aborted() -> str:
        moving = stage.set("sleep")
        await until(f"{prefix}CMD_STATE", "RUNNING")
        await stage.stop()
        try:
            await moving
        except Exception as ex:
            return str(ex)
        return ""

    seen["refused"] = wait(refused())
    seen["aborted"] = wait(aborted())

    engine(bps.abs_set(axis, "[1, 3, 5]", wait=True))
    status, _, events = run(engine, bp.fly([axis]))
    seen["fly"] = [status, [event["axis-val"] for event in events]]
    print(json.dumps(seen))


main()
