"""The WORKER: group: what a client can know of the worker, and START STOP RESTART."""

from collections.abc import Callable
from typing import Any

from caproto import SkipWrite
from caproto.server import PVGroup, pvproperty

from sswd.ioc.pvs.declared import DoubleRO, Enum, EnumRO, IntegerRO, TextRO
from sswd.ioc.supervision.lifecycle import Event, WorkerState

TEXT = 4000
"""Capacity of LAST_EXIT and LAST_ERROR in bytes."""
_NO_YES = ["No", "Yes"]
_MOMENTARY = ["Ready", "Act"]


def momentary(doc: str) -> Any:
    """An enum that acts when something other than 0 is put, and reads back 0."""
    return pvproperty(
        value="Ready", enum_strings=_MOMENTARY, record="bo", doc=doc, dtype=Enum
    )


class WorkerStatus(PVGroup):  # type: ignore[misc]
    """PVs that tell of the worker process and command it."""

    STATE = pvproperty(
        value="STOPPED",
        dtype=EnumRO,
        enum_strings=[state.name for state in WorkerState],
        record="mbbi",
        read_only=True,
        doc="State of the worker process",
    )
    PID = pvproperty(
        value=0,
        dtype=IntegerRO,
        record="longin",
        read_only=True,
        doc="Process id, 0: none",
    )
    RUN = pvproperty(
        value=0,
        dtype=IntegerRO,
        record="longin",
        read_only=True,
        doc="Number of this run",
    )
    RESTARTS = pvproperty(
        value=0,
        dtype=IntegerRO,
        record="longin",
        read_only=True,
        doc="Starts after the first one",
    )
    UPTIME = pvproperty(
        value=0.0,
        dtype=DoubleRO,
        units="s",
        precision=1,
        record="ai",
        read_only=True,
        doc="How long this run is RUNNING",
    )
    HEARTBEAT = pvproperty(
        value=0,
        dtype=IntegerRO,
        record="longin",
        read_only=True,
        doc="Counts while the worker is heard",
    )
    STALLED = pvproperty(
        value="No",
        enum_strings=_NO_YES,
        dtype=EnumRO,
        record="bi",
        read_only=True,
        doc="No sign of life: GIL held or stopped",
    )
    LAST_EXIT = pvproperty(
        value="",
        dtype=TextRO,
        max_length=TEXT,
        record="lsi",
        read_only=True,
        doc="How the last run ended",
    )
    LAST_ERROR = pvproperty(
        value="",
        dtype=TextRO,
        max_length=TEXT,
        record="lsi",
        read_only=True,
        doc="The worker's last failure or crash text",
    )
    CPU = pvproperty(
        value=0.0,
        dtype=DoubleRO,
        units="%",
        precision=1,
        record="ai",
        read_only=True,
        doc="CPU of the worker, 100: one core",
    )
    MEM = pvproperty(
        value=0.0,
        dtype=DoubleRO,
        units="MB",
        precision=1,
        record="ai",
        read_only=True,
        doc="Resident memory of the worker",
    )
    REFUSED = pvproperty(
        value=0,
        dtype=IntegerRO,
        record="longin",
        read_only=True,
        doc="Posts refused by the IOC",
    )
    RESTART = momentary("Stop the worker and start a new one")
    START = momentary("Start the worker")
    STOP = momentary("Stop the worker and keep it stopped")

    feed: Callable[[Event], None] | None = None
    """Where the commands go; set by the template when there is a system."""

    @RESTART.putter
    async def RESTART(self, _instance: Any, value: Any) -> None:  # noqa: N802
        self._act(Event.RESTART, value)

    @START.putter
    async def START(self, _instance: Any, value: Any) -> None:  # noqa: N802
        self._act(Event.START, value)

    @STOP.putter
    async def STOP(self, _instance: Any, value: Any) -> None:  # noqa: N802
        self._act(Event.STOP, value)

    def _act(self, event: Event, value: Any) -> None:
        if is_act(value) and self.feed is not None:
            self.feed(event)
        raise SkipWrite


def is_act(value: Any) -> bool:
    """Whether a put to a momentary PV means it: anything but 0 and its string."""
    return value not in (0, "0", _MOMENTARY[0])
