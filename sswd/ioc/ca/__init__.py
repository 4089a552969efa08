"""The TCP side of Channel Access under caproto's objects: fast and bounded."""

from sswd.ioc.ca.context import Context
from sswd.ioc.ca.fields import fill_record_fields
from sswd.ioc.ca.flusher import flusher
from sswd.ioc.ca.limits import Counts, Limits
from sswd.ioc.ca.publish import post, set_alarm

__all__ = [
    "Context",
    "Counts",
    "Limits",
    "fill_record_fields",
    "flusher",
    "post",
    "set_alarm",
]
