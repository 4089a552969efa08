"""The TRIGGER: group: what a client can know of a system's trigger."""

from caproto.server import PVGroup

from sswd.ioc.pvs.readback import NO_YES, readback
from sswd.sizes import CMD_BYTES


class TriggerPvs(PVGroup):  # type: ignore[misc]
    """Served only where `[system.NAME.trigger]` is configured."""

    CONNECTED = readback("bool", "Whether the master's PV is connected", strings=NO_YES)
    SEEN = readback("int", "Number of triggers for this system")
    EXECUTED = readback("int", "Triggers whose step succeeded")
    FAILED = readback("int", "Triggers whose step failed")
    MISSED = readback("int", "Triggers whose step never began")
    INDEX = readback("int", "Count of the last trigger", value=-1)
    LAST = readback("text", "Text of the last trigger", length=CMD_BYTES)
    ERROR = readback(
        "text", "Why a trigger was last missed or failed", length=CMD_BYTES
    )
