"""The TCP side of Channel Access under caproto's objects: fast and bounded.

    context   the server: UDP, hooks, life and death of the parts
      accept    new connections          ports, beacons, udp, sweep: what they say
      circuit   one client: its channels, monitors, end
        input     bytes -> requests, a turn's worth at a time
        output    what waits to be sent, back pressure, lent arrays   (flusher: when)
      requests, reading, writing   what a client may ask; puts: in which order
      channel   channels and subscriptions of one client
    entry     one PV: payloads cached by request, who listens
      encode, convert, incoming, wire, filters, names   bytes <-> values; no I/O
    loop      asyncio's event loop with a short way to the circuits
    publish   post(), post_if_changed() and set_alarm(), for whoever has a value
    seam, seam_records   the only two that know caproto's private names

Everything runs on the loop's thread. Nothing here waits for a client: an answer that it
does not take stays in its bounded queue, an update that it cannot take conflates.
"""

from sswd.ioc.ca.caproto_private.data import Data
from sswd.ioc.ca.evloop.flusher import flusher
from sswd.ioc.ca.evloop.quick_loop import QuickLoop, watch
from sswd.ioc.ca.limits import Counts, Limits
from sswd.ioc.ca.pv.publish import post, post_if_changed, set_alarm
from sswd.ioc.ca.pv.record_fields import fill_record_fields
from sswd.ioc.ca.server.context import Context

__all__ = [
    "Context",
    "Counts",
    "Data",
    "Limits",
    "QuickLoop",
    "fill_record_fields",
    "flusher",
    "post",
    "post_if_changed",
    "set_alarm",
    "watch",
]
