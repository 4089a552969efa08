"""ophyd-async's Motor on a stage: prints what it saw as JSON."""

import asyncio
import json
import os
import signal
import sys
from typing import Any

from aioca import caget
from ophyd_async.core import FlyMotorInfo, init_devices
from ophyd_async.epics.motor import Motor


async def outcome(status: Any) -> str:
    try:
        await status
    except Exception as error:  # the test compares the class
        return type(error).__name__
    return "done"


async def until(signal: Any, value: Any) -> None:
    while await signal.get_value() != value:
        await asyncio.sleep(0.01)


async def main() -> None:
    async with init_devices():
        motor = Motor(sys.argv[1] + "LEFT", name="left")
    await motor.set(1.0)
    moved = await motor.user_readback.get_value(), await motor.motor_egu.get_value()
    outside = await outcome(motor.set(50.0))
    status = motor.set(15.0)
    await until(motor.motor_done_move, 0)
    await motor.stop(success=False)
    stopped = await outcome(status)
    await until(motor.motor_done_move, 1)
    await motor.prepare(FlyMotorInfo(start_position=1, end_position=2, time_for_move=1))
    await motor.kickoff()
    await motor.complete()
    flown = await motor.user_readback.get_value() >= 2.0
    status = motor.set(15.0)
    await until(motor.motor_done_move, 0)
    os.kill(await caget(sys.argv[1] + "WORKER:PID"), signal.SIGKILL)
    killed = await outcome(status)
    done_after_kill = await motor.motor_done_move.get_value()
    await until(motor.motor_done_move, 1)
    await motor.set(0.0)
    seen = {
        "moved": moved,
        "outside": outside,
        "stopped": stopped,
        "flown": flown,
        "killed": killed,
        "done_after_kill": done_after_kill,
        "again": await motor.user_readback.get_value(),
    }
    print(json.dumps(seen))


asyncio.run(main())
