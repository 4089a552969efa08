"""The master's PVs."""

from typing import Any

from caproto import SkipWrite
from caproto.server import PVGroup, pvproperty

from sswd.ioc.ca import post, post_if_changed
from sswd.ioc.pvs.momentary import is_act, momentary
from sswd.ioc.pvs.readback import readback
from sswd.master.conductor import Conductor, State
from sswd.master.config import MasterConfig
from sswd.master.server import Server
from sswd.sizes import CMD_BYTES


class MasterGroup(PVGroup):  # type: ignore[misc]
    """START, STOP, how the scan is going, and the trigger."""

    START = momentary("Begin a scan: all loops, REPEAT times")
    STOP = momentary("Send no more steps")
    PERIOD = pvproperty(
        value=0.0,
        units="s",
        precision=3,
        record="ao",
        doc="Shortest time from point to point",
    )
    REPEAT = pvproperty(value=1, record="longout", doc="How often all loops are run")
    STATE = readback(
        "enum", "What the master is doing", strings=[state.name for state in State]
    )
    STATUS = readback("text", "What the master is doing, in words", length=CMD_BYTES)
    DONE = readback("int", "Points that are complete")
    TOTAL = readback("int", "Points of the scan")
    PROGRESS = readback("float", "DONE / TOTAL", precision=3)
    RESENT = readback("int", "Steps that were sent again")
    POINT_TIME = readback(
        "float", "How long the last point took", units="s", precision=6
    )
    SERVERS = readback(
        "text", "Stepped servers, outermost loop first", length=CMD_BYTES
    )
    Nested_Indices = readback(
        "text", "Trigger: who is to step to which count", length=CMD_BYTES
    )

    def __init__(self, config: MasterConfig) -> None:
        super().__init__(config.prefix)
        self._config = config
        self._conductor: Conductor | None = None

    def connect(self) -> None:
        """Connect to the servers; on the loop that serves this group."""
        config = self._config
        servers = {n: Server(n, s.prefix) for n, s in config.server.items()}
        self._conductor = Conductor(
            servers, config.way, self._publish, self._post_state
        )
        for server in servers.values():
            server.start()
        lines = (f"{n}: {s.prefix}" for n, s in servers.items())
        post(self.SERVERS, ", ".join(lines))
        post(self.PERIOD, config.period_s)
        post(self.REPEAT, config.repeat)
        self._post_state()

    async def close(self) -> None:
        """Stop and disconnect."""
        if self._conductor is not None:
            await self._conductor.close()

    @START.putter
    async def START(self, _instance: Any, value: Any) -> None:  # noqa: N802
        if is_act(value) and self._conductor is not None:
            self._conductor.period_s = max(0.0, float(self.PERIOD.value))
            self._conductor.start(max(1, int(self.REPEAT.value)))
        raise SkipWrite

    @STOP.putter
    async def STOP(self, _instance: Any, value: Any) -> None:  # noqa: N802
        if is_act(value) and self._conductor is not None:
            await self._conductor.stop()
        raise SkipWrite

    def _publish(self, text: str) -> None:
        post(self.Nested_Indices, text)

    def _post_state(self) -> None:
        """Publish what has changed."""
        conductor = self._conductor
        assert conductor is not None
        post_if_changed(self.DONE, conductor.done)
        post_if_changed(self.TOTAL, conductor.total)
        post_if_changed(self.PROGRESS, conductor.done / max(1, conductor.total))
        post_if_changed(self.RESENT, conductor.resent)
        post_if_changed(self.POINT_TIME, conductor.point_s)
        post_if_changed(self.STATUS, conductor.status)
        post_if_changed(self.STATE, int(conductor.state))
