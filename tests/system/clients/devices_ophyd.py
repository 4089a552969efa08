"""ophyd's own classes on the kinds of PVs: prints what they saw as JSON."""

import json
import sys

from ophyd import Component, Device, EpicsSignal, EpicsSignalRO

WAIT_S = 10.0


class Instrument(Device):
    """A setpoint with its readback, an enum, a button and an image."""

    speed = Component(EpicsSignal, "SPEED_RBV", write_pv="SPEED", put_complete=True)
    mode = Component(EpicsSignal, "MODE", string=True, put_complete=True)
    go = Component(EpicsSignal, "GO", put_complete=True, trigger_value=1)
    grab = Component(EpicsSignal, "GRAB", put_complete=True)
    frame = Component(EpicsSignalRO, "FRAME")
    width = Component(EpicsSignalRO, "FRAME:WIDTH")
    hot = Component(EpicsSignal, "HOT", put_complete=True)


def main() -> None:
    device = Instrument(sys.argv[1], name="device")
    device.wait_for_connection(timeout=WAIT_S)
    device.speed.set(2.6).wait(WAIT_S)
    device.mode.set("on").wait(WAIT_S)
    device.go.trigger().wait(WAIT_S)
    device.grab.set(1).wait(WAIT_S)
    device.hot.set(99.0).wait(WAIT_S)
    device.hot.get(use_monitor=False)
    seen = {
        "speed": device.speed.get(use_monitor=False),
        "setpoint": device.speed.get_setpoint(use_monitor=False),
        "mode": device.mode.get(use_monitor=False),
        "go": int(device.go.get(use_monitor=False)),
        "frame": [int(v) & 0xFFFF for v in device.frame.get(use_monitor=False)],
        "width": device.width.get(use_monitor=False),
        "severity": int(device.hot.alarm_severity),
    }
    print(json.dumps(seen))


main()
