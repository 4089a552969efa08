"""The System contract: what a scientist writes, and the base class that helps.

Any class with `io_execute(pv_name, value)`, or with a `run()` loop that reads
`io_get_queue`, is a system. Deriving from System is a convenience.

Threading model: `setup`, `io_execute`, `@every` methods and `close` run on the worker's
main thread, one at a time. `abort` runs on another thread while a command runs.
`io_put`, `progress`, `aborted` and `log` may be used from any thread.
"""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from sswd.alarm import NO_ALARM as OK
from sswd.alarm import Alarm
from sswd.worker.reading import Reading, stated_alarm

F = TypeVar("F", bound=Callable[..., Any])


class Aborted(BaseException):
    """Raised in a command that is being ended (ABORT, deadline, RESTART, STOP).

    A BaseException, so that `except Exception` around a device does not swallow it.
    Clean up in `finally`; do not catch it to go on.
    """


class Services(Protocol):
    """What the worker offers a system; see worker/services.py."""

    def post(self, updates: Mapping[str, Any]) -> None: ...
    def post_alarm(self, pv: str, alarm: Alarm) -> None: ...
    def sleep(self, seconds: float) -> None: ...
    def is_aborted(self) -> bool: ...


def every(seconds: float) -> Callable[[F], F]:
    """Mark a method to be called every `seconds` s between commands (readbacks).

    It runs on the main thread, so it never overlaps a command, and waits while one
    runs. A failure is logged and does not stop the next call. Never aborted.
    """
    if not seconds > 0:
        raise ValueError(f"every({seconds}): the period must be above 0 s")

    def mark(method: F) -> F:
        method._sswd_every_s = float(seconds)  # type: ignore[attr-defined] # noqa: SLF001
        return method

    return mark


class System:
    """Base class of blocking systems. Keyword arguments of `__init__` are `args`.

    Example::

        class Stage(System):
            def __init__(self, address):
                self.address = address

            def on_CMD(self, text):
                self.io_put("values", [1.0, 2.0])
    """

    pvs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """PVs of this class, with the keys of `[system.NAME.pvs.PV]`; the TOML wins."""

    in_order: ClassVar[tuple[str, ...]] = ()
    """PVs whose every post is published, after all that was posted before it, as is so
    with ACK: words that others wait for. Their poster waits if the IOC is behind."""

    io_put_queue: Any
    """`.put({pv: value})` posts, as in the classic contract."""
    io_get_queue: Any
    """Commands as `{pv: value}`, for systems with a `run()` loop of their own."""
    _services: Services

    def setup(self) -> None:
        """Open the hardware. May block; runs before the worker is RUNNING."""

    def io_execute(self, pv_name: str, value: Any) -> None:
        """Run one command: the put of `value` to PV `pv_name` (without prefix).

        The command succeeds when this returns and fails when it raises. This default
        calls `self.on_<pv_name>(value)`.
        """
        name = "on_" + re.sub(r"\W", "_", pv_name)
        handler = getattr(self, name, None) or getattr(self, name.lower(), None)
        if handler is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no {name}(value) for puts to {pv_name}"
            )
        handler(value)

    def abort(self) -> None:
        """Make the running command return soon. Called from another thread.

        It may outlast that command; the next one waits until it has returned.
        """

    def close(self) -> None:
        """Release the hardware. Runs on every orderly stop."""

    def io_put(
        self,
        pv: str | Mapping[str, Any],
        value: Any = None,
        *,
        severity: str | int | None = None,
        status: str | int | None = None,
        message: str = "",
        timestamp: float | None = None,
    ) -> None:
        """Post `value` to `pv`, or every pair of a mapping. From any thread.

        Values: float, int, bool, str, bytes, lists and numpy arrays of numbers (copied;
        n-dimensional ones are flattened in C order) and lists of str. Newer values may
        replace unsent older ones of the same PV. What does not fit its PV is refused
        by the IOC and logged; nothing is raised here.

        `severity`, `status`, `message` and `timestamp` as in Reading, which is what a
        value of a mapping may be. A post without them clears what the driver said of
        that PV before. Raises ValueError for a severity, status or time that EPICS
        does not know; TypeError for them beside a mapping.
        """
        known = (severity, status, message or None, timestamp)
        if known == (None, None, None, None):
            self._services.post(pv if isinstance(pv, Mapping) else {pv: value})
            return
        if isinstance(pv, Mapping):
            raise TypeError(
                "io_put of a mapping takes no severity, status, message or timestamp; "
                "give each PV a Reading(value, severity, ...)"
            )
        reading = Reading(value, severity, status, message, timestamp)
        self._services.post({pv: reading})

    def alarm(
        self,
        pv: str,
        severity: str | int,
        status: str | int | None = None,
        message: str = "",
    ) -> None:
        """Say that `pv` is in alarm, without a new value. From any thread.

        It stands until the next `io_put` of that PV or `ok(pv)`. Severity and status
        as in Reading; ValueError for what EPICS does not know.
        """
        self._services.post_alarm(pv, stated_alarm(severity, status, message) or OK)

    def ok(self, pv: str) -> None:
        """Take back what `alarm` or `io_put` said of `pv`. From any thread.

        Alarms that come from limits, age, the link or the worker stay.
        """
        self._services.post_alarm(pv, OK)

    def sleep(self, seconds: float) -> None:
        """Sleep `seconds` s; raises Aborted at once when the command is aborted."""
        self._services.sleep(seconds)

    @property
    def aborted(self) -> bool:
        """Whether the running command is asked to end."""
        return self._services.is_aborted()

    def progress(self, fraction: float, text: str = "") -> None:
        """Post how far the command is: PROGRESS 0..1, and `text` to `message`."""
        post: dict[str, Any] = {"PROGRESS": float(fraction)}
        if text:
            post["message"] = text
        self._services.post(post)

    @property
    def log(self) -> logging.Logger:
        """Logger whose records appear in the IOC's log with the worker's name."""
        return logging.getLogger(type(self).__module__)
