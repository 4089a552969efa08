"""ophyd's EpicsMotor on a stage: prints what it saw as JSON."""

import sys
import threading
from collections.abc import Callable

from motor_steps import WAIT_S, kill_worker, outcome, put, show, until, wait_running
from ophyd import EpicsMotor


def main() -> None:
    motor = EpicsMotor(sys.argv[1] + "LEFT", name="left")
    motor.wait_for_connection(timeout=WAIT_S)
    motor.set(1.0).wait(WAIT_S)
    moved = motor.position, motor.limits, motor.egu, motor.precision
    outside = outcome(lambda: motor.set(50.0).wait(WAIT_S))

    def begin() -> Callable[[], None]:
        """Move, and give what waits for the end of that.

        ophyd puts .STOP by itself when a move has failed, before it calls callbacks, in
        a thread of its own: the next move must not come before that.
        """
        status, over = motor.set(15.0), threading.Event()
        status.add_callback(lambda _: over.set())
        until(lambda: motor.motor_is_moving.get(use_monitor=False), "MOVN")

        def end() -> None:
            over.wait(WAIT_S)
            status.wait(WAIT_S)

        return end

    end = begin()
    motor.stop(success=False)
    stopped = outcome(end)
    until(lambda: not motor.moving, "rest")
    end = begin()
    put("LEFT.STOP", 1)
    stopped_by_another = outcome(end)
    until(lambda: not motor.moving, "rest")
    motor.set(1.5).wait(WAIT_S)
    at = motor.position
    motor.set_current_position(4.0)
    set_to = motor.user_readback.get(use_monitor=False)
    motor.user_offset.put(0.0, wait=True)
    home = outcome(lambda: motor.home("forward", wait=True, timeout=WAIT_S))
    end = begin()
    kill_worker()
    killed = outcome(end)
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
