"""The WORKER: group: what a client can know of the worker, and START STOP RESTART."""

from collections.abc import Callable, Mapping

from caproto import SkipWrite
from caproto.server import PVGroup, pvproperty

from sswd.ioc.pvs.kinds import Enum, Text
from sswd.ioc.pvs.momentary import is_act, momentary
from sswd.ioc.pvs.readback import NO_YES, readback
from sswd.ioc.supervision.lifecycle import Event, WorkerState
from sswd.pipe.protocol import LinkPhase
from sswd.sizes import STATUS_BYTES

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class WorkerStatus(PVGroup):  # type: ignore[misc]
    """PVs that tell of the worker process and command it."""

    STATE = readback(
        "enum", "State of the worker process", strings=[s.name for s in WorkerState]
    )
    PID = readback("int", "Process id of the worker, 0 if none")
    RUN = readback("int", "Number of the worker's run")
    RESTARTS = readback("int", "Number of starts after the first")
    UPTIME = readback(
        "float", "How long the worker has been RUNNING", units="s", precision=1
    )
    HEARTBEAT = readback("int", "Counts up while the worker responds")
    STALLED = readback("bool", "Worker is silent: GIL held or stopped", strings=NO_YES)
    LAST_EXIT = readback("text", "How the last run ended", length=STATUS_BYTES)
    LAST_ERROR = readback(
        "text", "The worker's last failure or crash text", length=STATUS_BYTES
    )
    LINK = readback(
        "enum", "Link to the instrument", strings=[p.name for p in LinkPhase]
    )
    LINK_ERROR = readback(
        "text", "What failed, with whom, since when", length=STATUS_BYTES
    )
    CPU = readback(
        "float", "CPU of the worker, 100 is one core", units="%", precision=1
    )
    MEM = readback("float", "Resident memory of the worker", units="MB", precision=1)
    LINK_FAILURES = readback("int", "Losses of the link to the instrument")
    REFUSED = readback("int", "Number of posts that the IOC refused")
    CONFLATED = readback("int", "Posts that a newer one replaced unsent")
    RESTORED = readback("text", "What became of saved setpoints", length=STATUS_BYTES)
    SAVE_ERROR = readback("text", "Why setpoints cannot be saved", length=STATUS_BYTES)
    LOG_LEVEL = pvproperty(
        value="INFO",
        enum_strings=list(LEVELS),
        record="mbbo",
        doc="Least level that the worker logs",
        dtype=Enum,
    )
    LOG_LEVELS = pvproperty(
        value="",
        max_length=STATUS_BYTES,
        record="lso",
        doc="Levels of loggers; put LOGGER LEVEL",
        dtype=Text,
    )
    RESTART = momentary("Stop the worker and start a new one")
    START = momentary("Start the worker")
    STOP = momentary("Stop the worker and keep it stopped")

    feed: Callable[[Event], None] | None = None
    """Where the commands go; set by the template when there is a system."""

    set_level: Callable[[str, str], None] | None = None
    """Where "LOGGER LEVEL" goes, with the name of the PV; likewise."""

    levels: Mapping[str, str] = {}
    """Levels of the worker's loggers in the configuration; "" is the root."""

    @LOG_LEVEL.putter
    async def LOG_LEVEL(self, _instance: object, value: object) -> None:  # noqa: N802
        level = value if isinstance(value, str) else LEVELS[int(str(value))]
        self._set_level(f"root {level}", "WORKER:LOG_LEVEL")

    @LOG_LEVELS.putter
    async def LOG_LEVELS(self, _instance: object, value: object) -> None:  # noqa: N802
        self._set_level(str(value), "WORKER:LOG_LEVELS")

    @RESTART.putter
    async def RESTART(self, _instance: object, value: object) -> None:  # noqa: N802
        self._act(Event.RESTART, value)

    @START.putter
    async def START(self, _instance: object, value: object) -> None:  # noqa: N802
        self._act(Event.START, value)

    @STOP.putter
    async def STOP(self, _instance: object, value: object) -> None:  # noqa: N802
        self._act(Event.STOP, value)

    def _set_level(self, text: str, pv: str) -> None:
        if self.set_level is not None:
            self.set_level(text, pv)
        raise SkipWrite  # it is posted already

    def _act(self, event: Event, value: object) -> None:
        if is_act(value) and self.feed is not None:
            self.feed(event)
        raise SkipWrite
