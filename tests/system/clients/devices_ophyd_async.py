"""ophyd-async's own classes on the kinds of PVs: prints what they saw as JSON."""

import asyncio
import json
import sys

import numpy as np
from aioca import CANothing, caput
from ophyd_async.core import (
    Array1D,
    StandardReadable,
    StrictEnum,
    init_devices,
    set_and_wait_for_value,
)
from ophyd_async.epics.core import (
    epics_signal_r,
    epics_signal_rw,
    epics_triggerable_command,
)


class Mode(StrictEnum):
    """The states of MODE."""

    OFF = "off"
    ON = "on"


class Go(StrictEnum):
    """The states of an action."""

    READY = "Ready"
    ACT = "Act"


class Instrument(StandardReadable):
    """A setpoint with its readback, an enum, a button and an image."""

    def __init__(self, prefix: str, name: str = "") -> None:
        ca = f"ca://{prefix}"
        self.speed = epics_signal_rw(float, f"{ca}SPEED_RBV", f"{ca}SPEED")
        self.setpoint = epics_signal_rw(float, f"{ca}SPEED")
        self.mode = epics_signal_rw(Mode, f"{ca}MODE")
        self.go = epics_signal_rw(Go, f"{ca}GO")
        self.grab = epics_triggerable_command(f"{ca}GRAB")
        self.frame = epics_signal_r(Array1D[np.int16], f"{ca}FRAME")
        self.width = epics_signal_r(int, f"{ca}FRAME:WIDTH")
        self.hot = epics_signal_rw(float, f"{ca}HOT")
        super().__init__(name)


async def main() -> None:
    async with init_devices():
        device = Instrument(sys.argv[1], name="device")
    await device.speed.set(2.6)
    await set_and_wait_for_value(device.mode, Mode.ON)
    await device.go.set(Go.ACT)
    await device.grab.trigger()
    await device.hot.set(99.0)
    reading = (await device.hot.read())["device-hot"]
    raised = ""
    try:
        await device.setpoint.set(99.0)
    except CANothing:
        raised = "CANothing"
    answer = await caput(f"{sys.argv[1]}SPEED", 99.0, wait=True, throw=False)
    refused = [raised, answer.ok]
    frame = await device.frame.get_value()
    seen = {
        "speed": await device.speed.get_value(),
        "setpoint": await device.setpoint.get_value(),
        "mode": str((await device.mode.get_value()).value),
        "go": 0 if await device.go.get_value() is Go.READY else 1,
        "frame": [int(v) for v in frame.astype(np.uint16)],
        "width": await device.width.get_value(),
        "severity": reading["alarm_severity"],
        "refused": refused,
    }
    print(json.dumps(seen))


asyncio.run(main())
