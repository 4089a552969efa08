"""Drives one object of the system that moves: what an EPICS motor record asks of it.

The object has `move(position)` and `position`. Optional are `moving`, `stop()`,
`home()`, `jog(velocity)`, `velocity`, `limits`, `set_position(position)`, `at_high`,
`at_low`, `at_home`, `enabled` and `units`. With `moving`, move() may return at once,
and the command lasts until `moving` is false; without, it lasts as long as move().

Threading model: commands on the main thread; `stop` on the thread of an abort;
`report` on the main thread or on one of its own. `_lock` keeps two reports apart.
"""

import inspect
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from sswd.errors import LoadError
from sswd.pipe import motor as commands
from sswd.pipe.motor import MotorReport
from sswd.pipe.worker_spec import MotorSpec

Post = Callable[[str, MotorReport], None]
UNITS_CHARACTERS = 40
WRAPPED = "wrapped_driver"
"""Attribute of a system that wraps a driver: the driver's own object, which moves."""


class Motor:
    """One motor of this worker."""

    def __init__(
        self,
        name: str,
        spec: MotorSpec,
        system: object,
        completed: Callable[[Any], Any],
        post: Post,
    ) -> None:
        """`completed` has a coroutine run and gives what it returns. `post` sends a
        report at once."""
        self.name = name
        self.spec = spec
        self._system = system
        self._completed = completed
        self._post = post
        self._lock = threading.Lock()
        self.is_another_busy: Callable[[], bool] = bool
        """Whether another motor moves, and this one perhaps with it."""
        self._is_busy = False
        self._ended = 0
        self._last: MotorReport | None = None
        self._posted_s = -math.inf
        self._read_s = -math.inf

    # -- the object

    @property
    def object(self) -> Any:
        """What moves, looked up anew: setup() may have made another one."""
        owner = getattr(self._system, WRAPPED, self._system)
        if owner is None:
            raise LoadError(f"motor {self.name}: its driver is not connected")
        found = self._find(owner)
        if found is None:
            where = self.spec.object or f"{self.name} or {self.name.lower()}"
            raise LoadError(
                f"motor {self.name}: {type(owner).__name__} has no attribute "
                f"{where}; name it by `object` in the configuration"
            )
        return found

    def _find(self, owner: Any) -> Any:
        if self.spec.object == "self":
            return owner
        if not self.spec.object:
            named = getattr(owner, self.name, None)
            return named or getattr(owner, self.name.lower(), None)
        found: Any = owner
        for part in self.spec.object.split("."):
            found = getattr(found, part, None)
        return found

    def check(self) -> None:
        """Raises LoadError for an object that cannot be moved."""
        found = self.object
        kind = type(found).__name__
        if not callable(getattr(found, "move", None)):
            raise LoadError(f"motor {self.name}: {kind} has no move(position)")
        if inspect.getattr_static(found, "position", None) is None and not hasattr(
            found, "position"
        ):
            raise LoadError(f"motor {self.name}: {kind} has no position")

    # -- commands, main thread

    def execute(self, command: str, value: float) -> None:
        """Do it; returns when the object is at rest."""
        match command:
            case commands.VELOCITY:
                self._set("velocity", value)
            case commands.ENABLE:
                self._set("enabled", bool(value))
            case commands.STOP:
                self._stop_now()
            case commands.LOAD:
                self._call("set_position", value)
            case _:
                self._run(lambda: self._start(command, value))
                return
        self._ended += 1
        self.report()

    def _start(self, command: str, value: float) -> None:
        match command:
            case commands.MOVE:
                self._call("move", value)
            case commands.HOME_FORWARD | commands.HOME_REVERSE:
                self._home(forward=command == commands.HOME_FORWARD)
            case commands.JOG_FORWARD | commands.JOG_REVERSE:
                self._jog(value, 1 if command == commands.JOG_FORWARD else -1)
            case _:
                raise NotImplementedError(f"motor {self.name}: no command {command}")

    def _run(self, start: Callable[[], None]) -> None:
        """Start a motion and stay until it has ended."""
        self._is_busy = True
        try:
            self.report()
            start()
            while self._is_moving():
                time.sleep(self.spec.poll_s)
                self.report()
        finally:
            self._is_busy = False
            self._ended += 1
            self.report()

    def _home(self, *, forward: bool) -> None:
        method = self._method("home")
        takes = inspect.signature(method).parameters
        self._completed(method(1 if forward else -1) if takes else method())

    def _jog(self, limit: float, sign: int) -> None:
        jog = getattr(self.object, "jog", None)
        if callable(jog):
            velocity = self._number("velocity")
            self._completed(jog(sign * (1.0 if velocity is None else velocity)))
        elif math.isfinite(limit):
            self._call("move", limit)
        else:
            raise NotImplementedError(
                f"motor {self.name}: without limits and without jog(velocity) it "
                "cannot be jogged"
            )

    def stop(self) -> bool:
        """Have the object stop; False: it cannot. Thread of an abort."""
        stop = getattr(self.object, "stop", None)
        if not callable(stop):
            return False
        result = stop()
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(f"motor {self.name}: stop() cannot be `async def`")
        return True

    def _stop_now(self) -> None:
        if not self.stop():
            kind = type(self.object).__name__
            raise NotImplementedError(f"motor {self.name}: {kind} has no stop()")

    def _method(self, name: str) -> Callable[..., Any]:
        method = getattr(self.object, name, None)
        if not callable(method):
            kind = type(self.object).__name__
            raise NotImplementedError(f"motor {self.name}: {kind} has no {name}()")
        return cast("Callable[..., Any]", method)

    def _call(self, name: str, value: float) -> None:
        self._completed(self._method(name)(value))

    def _set(self, name: str, value: Any) -> None:
        if not hasattr(self.object, name):
            kind = type(self.object).__name__
            raise NotImplementedError(f"motor {self.name}: {kind} has no {name}")
        setattr(self.object, name, value)

    # -- reports, any thread

    def is_due(self) -> bool:
        """Whether it is to be read now, as often as the configuration says. Asked every
        poll_s. What is not read neither works nor fails."""
        period_s = self.spec.poll_s if self._is_active else self.spec.idle_poll_s
        # It is asked a little early now and then.
        return time.monotonic() - self._read_s >= period_s - self.spec.poll_s / 2

    def report(self) -> None:
        """Read the object, and post what is new; what is old, once in idle_poll_s, so
        that the IOC knows that it is true still."""
        with self._lock:
            self._read_s = time.monotonic()
            report = self._read()
            is_due = self._read_s - self._posted_s >= self.spec.idle_poll_s / 2
            if report != self._last or is_due:
                self._last, self._posted_s = report, self._read_s
                self._post(self.name, report)

    @property
    def _is_active(self) -> bool:
        last = self._last
        return (last is not None and last.moving) or self.is_another_busy()

    def _read(self) -> MotorReport:
        units = self._value("units")
        return MotorReport(
            position=self._number("position"),
            moving=self._is_busy or self._is_moving(),
            ended=self._ended,
            at_high=bool(self._value("at_high")),
            at_low=bool(self._value("at_low")),
            at_home=bool(self._value("at_home")),
            limits=_pair(self._value("limits")),
            velocity=self._number("velocity"),
            enabled=_flag(self._value("enabled")),
            units=None if units is None else str(units)[:UNITS_CHARACTERS],
        )

    def _is_moving(self) -> bool:
        return bool(self._value("moving"))

    def _number(self, name: str) -> float | None:
        value = self._value(name)
        if value is None:
            return None
        number = float(value)
        return number if math.isfinite(number) else None

    def _value(self, name: str) -> Any:
        """An attribute, or what a method of that name returns; None: there is none."""
        value = getattr(self.object, name, None)
        return value() if callable(value) else value


def _pair(limits: Any) -> tuple[float, float] | None:
    if not isinstance(limits, Sequence) or len(limits) != 2:
        return None
    low, high = float(limits[0]), float(limits[1])
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)
