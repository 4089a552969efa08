"""ophyd's EpicsMotor on a stage: prints what it saw as JSON."""

import sys

from motor_steps import WAIT_S, kill_worker, outcome, put, show, until, wait_running
from ophyd import EpicsMotor


def main() -> None:
    motor = EpicsMotor(sys.argv[1] + "LEFT", name="left")
    motor.wait_for_connection(timeout=WAIT_S)
    motor.set(1.0).wait(WAIT_S)
    moved = motor.position, motor.limits, motor.egu, motor.precision
    outside = outcome(lambda: motor.set(50.0).wait(WAIT_S))

    def begin() -> object:
        status = motor.set(15.0)
        until(lambda: motor.motor_is_moving.get(use_monitor=False), "MOVN")
        return status

    status = begin()
    motor.stop(success=False)
    stopped = outcome(lambda: status.wait(WAIT_S))
    until(lambda: not motor.moving, "rest")
    status = begin()
    put("LEFT.STOP", 1)
    stopped_by_another = outcome(lambda: status.wait(WAIT_S))
    motor.set(1.5).wait(WAIT_S)
    at = motor.position
    motor.set_current_position(4.0)
    set_to = motor.user_readback.get(use_monitor=False)
    motor.user_offset.put(0.0, wait=True)
    home = outcome(lambda: motor.home("forward", wait=True, timeout=WAIT_S))
    status = begin()
    kill_worker()
    killed = outcome(lambda: status.wait(WAIT_S))
    wait_running()
    motor.set(0.0).wait(WAIT_S)
    show(
        moved=moved,
        outside=outside,
        stopped=stopped,
        stopped_by_another=stopped_by_another,
        at=at,
        set_to=set_to,
        home=home,
        killed=killed,
        again=motor.position,
    )


main()
