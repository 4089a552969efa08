"""The System contract: what a scientist writes, and the base class that helps.

Any class with `io_execute(pv_name, value)`, or with a `run()` loop that reads
`io_get_queue`, is a system. Deriving from System is a convenience.

Threading model: `setup`, `io_execute`, `@every` methods and `close` run on the worker's
main thread, one at a time. `abort` runs on another thread while a command runs.
`io_put`, `progress`, `aborted` and `log` may be used from any thread.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from sswd.alarm import NO_ALARM as OK
from sswd.alarm import Alarm
from sswd.pipe.protocol import MAX_STRINGS, Properties
from sswd.worker.every import every
from sswd.worker.freeze import pv_name, sayable
from sswd.worker.handlers import handler_names
from sswd.worker.reading import Reading, stated_alarm

__all__ = ["Aborted", "Services", "System", "every"]


_SHORT = 200  # characters of units and states; the IOC refuses fewer


class Aborted(BaseException):
    """Raised on the main thread in a command that is being ended (ABORT, deadline,
    RESTART, STOP). It has no arguments.

    A BaseException, so that `except Exception` around a device does not swallow it.
    Clean up in `finally`; do not catch it to go on.
    """


class Services(Protocol):
    """What the worker offers a system; see worker/services.py."""

    def post(self, updates: Mapping[str, Any]) -> None: ...
    @property
    def inputs(self) -> Mapping[str, Reading]: ...
    def declare(self, pvs: Mapping[str, Mapping[str, Any]]) -> None: ...
    def change(self, properties: Properties) -> None: ...
    def post_alarm(self, pv: str, alarm: Alarm) -> None: ...
    def sleep(self, seconds: float) -> None: ...
    def is_aborted(self) -> bool: ...
    def completed(self, result: Any) -> Any: ...
    def returned(self, pv: str, value: Any) -> None: ...


def takes_nothing(handler: Callable[..., Any]) -> bool:
    """Whether a bound method has no parameter: that of an action may have none."""
    try:
        return not inspect.signature(handler).parameters
    except (TypeError, ValueError):  # no signature to be had
        return False


def _short(text: str) -> str:
    """Units or a state as it can be sent; what is too long is too long still."""
    return sayable(str(text)[:_SHORT])


class System:
    """Base class of blocking systems.

    A worker process constructs one instance with the `args` of the configuration as
    keyword arguments, and calls `setup`, then `io_execute` for each command and the
    `@every` methods between commands, all on its main thread, and `close` at the end.
    A system may have `connect()` and `disconnect()`: then `connect` is called before
    `setup`, and when the link to the instrument is lost, `disconnect`, `connect` and
    `setup` are called again, with pauses that grow to 30 s, until they work. `ping()`
    raises when the instrument does not answer; it is called every `ping_s`. All are
    optional, run on the main thread, and should have time-outs of their own.

    Methods may be `async def`, all but `abort`. They run on one event loop, still one
    at a time; a command that is aborted gets CancelledError at its await. What a
    handler `on_<pv>` returns is posted to the PV <pv>_RBV, if there is one.

    `__init__` need not call `super().__init__()`. When `__init__` or `setup` raises,
    the worker ends and is started again later.

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
    """PVs, besides ACK, of which every post is published, after everything that was
    posted before it. For values that others wait for. A thread that posts one of them
    waits while the IOC is behind."""

    ping_s: ClassVar[float | None] = None
    """Time between two calls of `ping`, in s; 5 unless given; the TOML wins."""

    setup_once: ClassVar[bool] = False
    """Whether `setup` is not called again when `connect` has been called again."""

    restored: Any = ()
    """In a class: PVs whose last values are wanted back at the next start. In a system,
    before `setup`: these values and the last setpoints that were accepted since the IOC
    started, by PV. `restore(values)` is called with them where there is one."""

    io_put_queue: Any
    """`io_put_queue.put({pv: value})` posts, as in the classic contract. Any thread."""
    io_get_queue: Any
    """For systems with a `run()` loop of their own: `get()` returns the next command as
    `{pv: value}`, `task_done()` ends it. Main thread only."""
    _services: Services

    def setup(self) -> None:
        """Open the hardware. It may block; the worker is RUNNING when it returns.

        Main thread. When it raises, the worker ends and is started again later.
        """

    def io_execute(self, pv_name: str, value: Any) -> Any:
        """Run one command: the put of `value` to the PV `pv_name`.

        `pv_name` is without the prefix of the system. `value` is as in the second
        column of the table. The command succeeds when this returns and fails when it
        raises; the words of the exception are in CMD_ERROR. It may block. Main thread,
        one command at a time. What it returns is posted to the PV's readback,
        NAME_RBV, if there is such a PV, unless it is None.

        This default calls `self.on_<pv_name>(value)`, in the spelling of the PV or in
        lower case, and raises NotImplementedError if there is no such method. For an
        action, `on_<pv>` may also be without the parameter `value`.

        Types in the configuration, what `on_<pv>` gets, and examples of what `io_put`
        takes and refuses:

        | type | `on_<pv>` gets | `io_put` takes | `io_put` refuses |
        |---|---|---|---|
        | float | float | `1.5`, `2`, `True`, `[1.5]` | `"1.5"`, `[1, 2]`, `None` |
        | int | int | `2`, `2.0`, `True`, `[2]` | `1.5`, `"2"`, `2**31`, `None` |
        | bool | bool | `True`, `1`, `"On"` | `2`, `"yes"`, `None` |
        | enum | str | `"slow"`, `1` | `"other"`, `9`, `None` |
        | str | str | `"a"`, `b"a"`, `1.5`, `True` | `["a", "b"]`, `None` |
        | text | str | `"a"`, `b"a"`, `1.5`, `True` | `["a", "b"]`, `None` |
        | bytes | bytes | `b"a"`, `[0, 255]`, `np.eye(2)` | `"a"`, `[256]`, `None` |
        | action | bool | | `1`, `True`, `None` |
        | float32 | float | `1.5`, `2`, `[1.5]` | `"1.5"`, `1e39`, `None` |
        | int64 | int | `2**53`, `2.0`, `True` | `1.5`, `2**53 + 1`, `None` |
        | int16 | int | `-2`, `2.0`, `True` | `1.5`, `2**15`, `None` |
        | uint16 | int | `40000`, `2.0`, `True` | `-1`, `2**16`, `None` |
        | int8 | int | `-2`, `2.0`, `True` | `1.5`, `128`, `None` |
        | uint8 | int | `200`, `2.0`, `True` | `-1`, `256`, `None` |
        | float, `length` | float64 array | `[1, 2.5]`, `np.eye(2)` | `"1.5"`, `None` |
        | int, `length` | int32 array | `[1]`, `np.arange(3)` | `[1.5]`, `"2"`, `None` |
        | str, `length` | list of str | `["a", "b"]`, `[1, 2]` | `["a", 2]`, `None` |
        | float32, `length` | float32 array | `[1, 2.5]` | `"1.5"`, `[1e39]` |
        | int64, `length` | int64 array | `[2**53]`, `[1.0]` | `[1.5]`, `[2**54]` |
        | int16, `length` | int16 array | `[-2]`, `np.arange(3)` | `[1.5]`, `[2**15]` |
        | uint16, `length` | uint16 array | `[40000]`, `[1.0]` | `[-1]`, `[2**16]` |
        | int8, `length` | int8 array | `[-2]`, `np.arange(3)` | `[1.5]`, `[128]` |
        | uint8, `length` | uint8 array | `[200]`, `np.arange(3)` | `[-1]`, `[256]` |

        Arrays are numpy's, of shape (n,) and read-only. docs/reference/pvs.md has the
        rules behind the examples.
        """
        name, lower = handler_names(pv_name)
        handler = getattr(self, name, None) or getattr(self, lower, None)
        if handler is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no {name}(value) for puts to {pv_name}"
            )
        no_value = value is True and takes_nothing(handler)
        result = handler() if no_value else handler(value)
        if result is None:
            return None
        result = self._services.completed(result)
        if inspect.isawaitable(result):  # an `async def io_execute` awaits this one
            return self._awaited(pv_name, result)
        self._services.returned(pv_name, result)
        return None

    async def _awaited(self, pv_name: str, result: Awaitable[Any]) -> None:
        self._services.returned(pv_name, await result)

    def abort(self) -> None:
        """Make the running command return soon.

        Called on a thread of its own, once a command, when ABORT, a deadline, RESTART
        or STOP ends it. It may outlast that command; the next one waits until it has
        returned. What it raises is logged, and the command is ended by other means.
        """

    def close(self) -> None:
        """Release the hardware. Main thread, at every orderly stop.

        It has 3 s; then the worker is killed. What it raises is logged. It is not
        called after a crash.
        """

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
        """Post `value` to the PV `pv`, or every pair of a mapping. Any thread.

        `pv` is a PV of the system, without prefix: the template's, a declared one, or
        one of the user's own group. `value` is a float, int, bool, str or bytes, a list
        or numpy array of numbers (of any shape; flattened in C order), or a list of
        str; see the table in `io_execute`. It is copied, so it may be changed
        afterwards. The time stamp is the time of this call.

        Returns at once, but for ACK and `in_order`, and for arrays of 1 MiB and more,
        which may wait up to 20 ms. Newer values may replace unsent older ones of the
        same PV. What does not fit its PV is refused by the IOC and logged; nothing is
        raised here, except Aborted in a command that is being ended.

        `severity`, `status`, `message` and `timestamp` as in Reading, which is what a
        value of a mapping may be. A post without them clears what the driver said of
        that PV before. Raises ValueError for a severity, status or time that EPICS
        does not know; TypeError for them beside a mapping.
        """
        if severity is None and status is None and timestamp is None and not message:
            if isinstance(pv, str) or not isinstance(pv, Mapping):
                pv = {pv: value}
            self._services.post(pv)
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

    def declare(self, pvs: Mapping[str, Mapping[str, Any]]) -> None:
        """Have more PVs served: those that are known only when connected.

        In `setup` (or the constructor) only. `pvs` as in the class's `pvs`; the
        configuration wins. Clients find them within 1 s, and they stay when the worker
        is restarted. Raises ConfigError for keys that are wrong, RuntimeError outside
        setup. A name that is served already as another type is refused in the log.
        """
        self._services.declare(pvs)

    def set_limits(self, pv: str, low: float, high: float) -> None:
        """Change the `limits` of a number: the IOC checks puts against them, and
        displays see them. Any thread. Raises ValueError unless `low` is below `high`.
        """
        if not low < high:
            raise ValueError(f"set_limits({pv!r}): {low} is not below {high}")
        self._services.change(Properties(pv_name(pv), limits=(float(low), float(high))))

    def set_units(self, pv: str, units: str) -> None:
        """Change the `units` of a number. Any thread."""
        self._services.change(Properties(pv_name(pv), units=_short(units)))

    def set_strings(self, pv: str, strings: Sequence[str]) -> None:
        """Change the `strings` of an enum; its index stays, where there is still such.
        Any thread.

        What does not fit the PV, here and in the two above, is refused in the log.
        """
        shown = [_short(s) for s in strings[:MAX_STRINGS]]
        self._services.change(Properties(pv_name(pv), strings=shown))

    def sleep(self, seconds: float) -> None:
        """Sleep `seconds` s; raise Aborted as soon as the running command is aborted.

        Any thread. Outside a command it only sleeps.
        """
        self._services.sleep(seconds)

    @property
    def aborted(self) -> bool:
        """Whether the running command is asked to end. Any thread."""
        return self._services.is_aborted()

    def progress(self, fraction: float, text: str = "") -> None:
        """Post how far the command is: `fraction`, from 0 to 1, to PROGRESS, and `text`
        to `message` unless it is empty. Any thread."""
        post: dict[str, Any] = {"PROGRESS": float(fraction)}
        if text:
            post["message"] = text
        self._services.post(post)

    @property
    def inputs(self) -> Mapping[str, Reading]:
        """The newest Reading of each PV in `[system.NAME.inputs]`, by its name there.

        A float, int or str, an enum as its index; with severity, status, message and
        timestamp. `is_usable` is False while the PV is lost or INVALID; the value is
        the last one then, or None. Any thread. KeyError for a name that is none.

        A method `on_input_<name>(self, reading)` is called on the main thread, between
        commands, when the input has changed: with the newest reading, so some may be
        skipped.
        """
        return self._services.inputs

    @property
    def log(self) -> logging.Logger:
        """Logger named as the class's module. Its records, from INFO on, appear in the
        IOC's log with the worker's name and run. Any thread."""
        return logging.getLogger(type(self).__module__)
