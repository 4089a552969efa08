"""The TRIGGER: group: what a client can know of a system's trigger."""

from caproto.server import PVGroup, pvproperty

from sswd.ioc.pvs.longstring import LongStringRO

TEXT = 10_000
"""Capacity of LAST and ERROR in bytes."""


class TriggerPvs(PVGroup):  # type: ignore[misc]
    """Served only where `[system.NAME.trigger]` is configured."""

    CONNECTED = pvproperty(
        value="No",
        enum_strings=["No", "Yes"],
        dtype=bool,
        record="bi",
        read_only=True,
        doc="Whether the master's PV is connected",
    )
    SEEN = pvproperty(
        value=0, record="longin", read_only=True, doc="Triggers for this system"
    )
    EXECUTED = pvproperty(
        value=0, record="longin", read_only=True, doc="Of these: steps that succeeded"
    )
    FAILED = pvproperty(
        value=0, record="longin", read_only=True, doc="Of these: steps that did not"
    )
    MISSED = pvproperty(
        value=0, record="longin", read_only=True, doc="Of these: never begun"
    )
    INDEX = pvproperty(
        value=-1, record="longin", read_only=True, doc="Count of the last trigger"
    )
    LAST = pvproperty(
        value="",
        dtype=LongStringRO,
        max_length=TEXT,
        record="lsi",
        read_only=True,
        doc="Text of the last trigger",
    )
    ERROR = pvproperty(
        value="",
        dtype=LongStringRO,
        max_length=TEXT,
        record="lsi",
        read_only=True,
        doc="Why the last one missed or failed was",
    )
