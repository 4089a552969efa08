"""pyepics' Motor on a stage: prints what it saw as JSON."""

import sys

import epics
from motor_steps import kill_worker, pv, show, until, wait_running


def main() -> None:
    motor = epics.Motor(sys.argv[1] + "LEFT")
    moved = motor.move(1.0, wait=True), motor.RBV
    outside = motor.move(50.0), motor.move(50.0, ignore_limits=True, wait=True)
    motor.move(10.0)
    until(lambda: motor.MOVN == 1, "MOVN")
    motor.move(0.5, wait=True)
    replaced = motor.RBV, motor.get("SEVR")
    motor.move(10.0)
    until(lambda: motor.MOVN == 1, "MOVN")
    motor.stop()
    until(lambda: motor.DMOV == 1, "DMOV")
    stopped = motor.VAL == motor.RBV < 10.0, motor.get("SEVR")
    motor.tweak_val = 0.25
    before = motor.VAL
    tweaked = motor.tweak("reverse", wait=True), motor.RBV - before
    motor.set_position(7.0)
    set_to = motor.RBV, round(motor.high_limit - motor.dial_high_limit, 3) != 0
    motor.put("OFF", 0.0, wait=True)
    seen = []
    motor.set_callback("DMOV", lambda value, **_more: seen.append(value))
    motor.move(19.0)
    until(lambda: motor.MOVN == 1, "MOVN")
    kill_worker()
    until(lambda: motor.get("SEVR") == 3, "INVALID")
    lost = motor.DMOV, motor.get("STAT", as_string=True)
    wait_running()
    back = motor.DMOV, motor.get("SEVR"), pv("LEFT.AMSG")[:5]
    again = motor.move(0.0, wait=True), motor.get("SEVR")
    show(
        moved=moved,
        outside=outside,
        replaced=replaced,
        stopped=stopped,
        tweaked=tweaked,
        set_to=set_to,
        lost=lost,
        back=back,
        again=again,
    )


main()
