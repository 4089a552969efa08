"""All motors of a worker: who drives which command, and which one an abort stops.

Threading model: main thread, but for `abort`, which runs on a thread of its own.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sswd.pipe.motor import COMMANDS, MotorReport, encode_report
from sswd.pipe.worker_spec import MotorSpec
from sswd.worker.every import Every
from sswd.worker.log import log
from sswd.worker.motor import Motor


class Poll(NamedTuple):
    """A method that is called again and again."""

    name: str
    call: Callable[[], None]
    marked: Every
    is_due: Callable[[], bool]
    """Asked each time; False: nothing is read, and nothing is known of it."""


class Motors:
    """Those of the configuration."""

    def __init__(
        self,
        specs: Mapping[str, MotorSpec],
        system: object,
        completed: Callable[[Any], Any],
        post: Callable[[Mapping[str, Any]], None],
    ) -> None:
        def send(name: str, report: MotorReport) -> None:
            post({name: encode_report(report)})

        self._motors = {
            name: Motor(name, spec, system, completed, send)
            for name, spec in specs.items()
        }
        self._commands = {
            f"{name}.{command}": (motor, command)
            for name, motor in self._motors.items()
            for command in COMMANDS
        }
        self._running: Motor | None = None
        for motor in self._motors.values():
            motor.is_another_busy = self._is_busy

    def check(self) -> None:
        """Raises LoadError for an object that is not there or cannot be moved."""
        for motor in self._motors.values():
            motor.check()

    def _is_busy(self) -> bool:
        return self._running is not None

    def has(self, pv: str) -> bool:
        """Whether this command is one of a motor."""
        return pv in self._commands

    def execute(self, pv: str, value: Any) -> None:
        """Run a command of a motor."""
        motor, command = self._commands[pv]
        self._running = motor
        try:
            motor.execute(command, float(value))
        finally:
            self._report_others(motor)
            self._running = None

    def _report_others(self, moved: Motor) -> None:
        """A pseudo-motor moves others: who waits for its end sees where they are."""
        for motor in self._motors.values():
            if motor is not moved:
                with contextlib.suppress(Exception):  # its next poll tells of it
                    motor.report()

    def abort_of(self, system: Callable[[], None] | None) -> Callable[[], None] | None:
        """What an abort calls: stop() of the motor that moves, else the system's."""
        if not self._motors:
            return system

        def abort() -> None:
            motor = self._running
            if (motor is None or not _stop(motor)) and system is not None:
                system()

        return abort

    def polls(self) -> Iterator[Poll]:
        """What is to be called again and again, as methods with @every are."""
        for name, motor in self._motors.items():
            marked = Every(motor.spec.poll_s, (name,), motor.spec.is_beside)
            yield Poll(f"motor {name}", motor.report, marked, motor.is_due)

    def report(self) -> None:
        """Tell how all of them are. What one raises is told by its next poll."""
        for motor in self._motors.values():
            motor.report()


def _stop(motor: Motor) -> bool:
    """Whether the motor can be stopped by itself."""
    try:
        return motor.stop()
    except Exception:  # noqa: BLE001 (firewall around user code)
        log.exception("stop() of motor %s raised; the abort goes on", motor.name)
        return True
