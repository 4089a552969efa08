"""ophyd devices for systems; their statuses fail when the command has failed.

ophyd's own EpicsSignal, by pyepics, does not look at the status of a put: it calls a
command that failed, was aborted or lost with its worker a success. These do not::

    class Stage(SswdSystem):
        target = setpoint("TARGET", readback="POSITION")
        home = action("HOME")

    stage = Stage("LAB:STAGE:", name="stage")
    RE(scan([detector], stage.target, 0, 10, 11))

Needs ophyd with pyepics: `pip install "sswd[ophyd]"`.

Threading model: the methods are called as ophyd calls them. libca's thread brings the
end of a put; a thread of its own asks why it failed and ends the status. A flight has
a thread of its own, which ends with it.
"""

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import epics
import numpy as np
from ophyd import Component, Device, EpicsSignal, EpicsSignalRO, Kind
from ophyd.status import DeviceStatus, Status

from sswd.errors import CommandError

_NORMAL = 1  # ECA_NORMAL
_WAIT_S = 10.0


class CommandStatus(Status):
    """The status of a command. Its text is what a RunEngine gives as the reason."""

    def __str__(self) -> str:
        error = self.exception(timeout=0) if self.done else None
        return super().__str__() if error is None else str(error)

    __repr__ = __str__


class SswdSignal(EpicsSignal):
    """A PV whose put is a command of the SswdSystem that it is a component of."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **{"put_complete": True, **keywords})

    def set(
        self, value: Any, *, timeout: float | None = None, settle_time: float = 0.0
    ) -> Status:
        """Put; the status ends when the command has ended and everything it posted is
        published. It fails with CommandError and CMD_ERROR's words.
        """
        status = CommandStatus(self, timeout=timeout, settle_time=settle_time)

        def ended(code: int) -> None:
            if code == _NORMAL:
                status.set_finished()
                return
            thread = threading.Thread(target=self._fail, args=(status, code))
            thread.name = "sswd-ophyd-failure"
            thread.start()

        _put(self._write_pv, value, ended)
        return status

    def stop(self, *, success: bool = False) -> None:
        """Abort the command that runs."""
        self.parent.stop(success=success)

    def _fail(self, status: Status, code: int) -> None:
        epics.ca.attach_context(self._write_pv.context)
        try:
            words = self.parent.cmd_error.get(use_monitor=False, timeout=_WAIT_S)
        except Exception as ex:  # noqa: BLE001 - the status has to end all the same
            words = f"why is not known: {ex}"
        if not status.done:
            told = words or f"channel access status {code}"
            status.set_exception(CommandError(f"{self._write_pv.pvname}: {told}"))


class SswdAction(SswdSignal):
    """A button: `trigger()` and `set(1)` run it."""

    def trigger(self) -> Status:
        """Run it; the status ends with it."""
        return self.set(1)


def setpoint(pv: str, *, readback: str = "", **keywords: Any) -> Component:
    """A component that is put at `pv` and read at `readback`, else at `pv` as well."""
    return Component(
        SswdSignal,
        readback or pv,
        write_pv=pv,
        add_prefix=("suffix", "write_pv"),
        **keywords,
    )


def action(pv: str, **keywords: Any) -> Component:
    """A component for a PV of the type action."""
    return Component(SswdAction, pv, kind=Kind.omitted, **keywords)


class SswdSystem(Device):
    """What every system has. `set(text)` puts CMD, `stop()` aborts."""

    cmd = Component(SswdSignal, "CMD", string=True, kind=Kind.omitted)
    ack = Component(EpicsSignalRO, "ACK", string=True, kind=Kind.omitted)
    message = Component(EpicsSignalRO, "message", string=True, kind=Kind.omitted)
    values = Component(EpicsSignalRO, "values", kind=Kind.normal)
    cmd_state = Component(EpicsSignalRO, "CMD_STATE", string=True, kind=Kind.omitted)
    cmd_error = Component(EpicsSignalRO, "CMD_ERROR", string=True, kind=Kind.omitted)
    progress = Component(EpicsSignalRO, "PROGRESS", kind=Kind.omitted)
    abort = Component(EpicsSignal, "ABORT", kind=Kind.omitted)

    def set(self, text: str, **keywords: Any) -> Status:
        """Put a text to CMD; as SswdSignal.set."""
        return self.cmd.set(text, **keywords)

    def stop(self, *, success: bool = False) -> None:
        """Abort the command that runs, and reject those that wait."""
        self.abort.put(1)
        super().stop(success=success)


class SswdSequence(SswdSystem):
    """A SequenceSystem as a flyer: load a trajectory with `set`, then fly it.

    `kickoff` begins to put INDEX 0, 1, ... to the last point, `complete` ends when
    that is done, or fails with the step that failed, `collect` gives VAL of each.
    """

    index = setpoint("INDEX", readback="INDEX_RBV", kind=Kind.omitted)
    val = Component(EpicsSignalRO, "VAL", kind=Kind.omitted)

    _flight: DeviceStatus | None = None

    def kickoff(self) -> DeviceStatus:
        """Begin; the status ends at once, and fails when nothing is loaded."""
        status = DeviceStatus(self)
        points = np.atleast_1d(self.values.get(use_monitor=False))
        if len(points) == 0 or np.isnan(points).all():
            status.set_exception(
                CommandError(f"{self.prefix}: no trajectory is loaded")
            )
            return status
        self._flight = DeviceStatus(self)
        self._seen: list[tuple[float, float]] = []
        flight = (len(points), self._flight)
        threading.Thread(
            target=self._fly, args=flight, name="sswd-ophyd-flight", daemon=True
        ).start()
        status.set_finished()
        return status

    def complete(self) -> DeviceStatus:
        """The status of the flight."""
        if self._flight is None:
            raise CommandError(f"{self.prefix}: kickoff comes before complete")
        return self._flight

    def describe_collect(self) -> dict[str, dict[str, Any]]:
        """One stream, with VAL."""
        return {self.name: self.val.describe()}

    def collect(self) -> Iterator[dict[str, Any]]:
        """One event for each step that succeeded."""
        for value, stamp_s in self._seen:
            yield {
                "data": {self.val.name: value},
                "timestamps": {self.val.name: stamp_s},
                "time": stamp_s,
            }

    def _fly(self, points: int, flight: DeviceStatus) -> None:
        """In a thread of its own."""
        epics.ca.attach_context(self.index._write_pv.context)  # noqa: SLF001 - ophyd's
        try:
            for count in range(points):
                self.index.set(count).wait()
                value = self.val.get(use_monitor=False, timeout=_WAIT_S)
                self._seen.append((float(value), time.time()))
        except Exception as ex:  # noqa: BLE001 - whatever it was, the flight has ended
            flight.set_exception(ex)
        else:
            flight.set_finished()


_Done = Callable[[int], None]
_waiting: set[_Done] = set()
"""Callbacks that libca has a bare pointer to."""


def _on_put(arguments: Any) -> None:
    """libca's thread: a put has ended, with a status that pyepics does not pass on."""
    done = arguments.usr
    _waiting.discard(done)
    done(int(arguments.status))


_ON_PUT = epics.dbr.make_callback(_on_put, epics.dbr.event_handler_args)


def _put(pv: Any, value: Any, done: _Done) -> None:
    """A put with callback; `done` gets its status in libca's thread."""
    pv.wait_for_connection()
    if epics.ca.current_context() is None:
        epics.ca.attach_context(pv.context)
    kind, data = _as_dbr(pv, value)
    _waiting.add(done)
    code = epics.ca.libca.ca_array_put_callback(
        kind, len(data), pv.chid, data, _ON_PUT, ctypes.py_object(done)
    )
    if code != _NORMAL:
        _waiting.discard(done)
        done(int(code))
    epics.ca.flush_io()


def _as_dbr(pv: Any, value: Any) -> tuple[int, Any]:
    """The DBR type and a ctypes array of it."""
    dbr = epics.dbr
    if isinstance(value, str):
        text = value.encode()
        if pv.ftype in (dbr.CHAR, dbr.TIME_CHAR, dbr.CTRL_CHAR) and pv.nelm > 1:
            return dbr.CHAR, (ctypes.c_ubyte * (len(text) + 1))(*text, 0)
        array = (dbr.string_t * 1)()
        array[0].value = text[: dbr.MAX_STRING_SIZE - 1]
        return dbr.STRING, array
    numbers = np.atleast_1d(np.asarray(value))
    if numbers.dtype.kind in "biu":
        return dbr.LONG, (ctypes.c_int * numbers.size)(*map(int, numbers.flat))
    return dbr.DOUBLE, (ctypes.c_double * numbers.size)(*map(float, numbers.flat))
