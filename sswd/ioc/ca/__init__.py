"""The TCP side of Channel Access under caproto's objects: fast and bounded.

    server/    context: the server, and the hooks; acceptor: new connections; circuits:
               the clients of now; reaper: the end of some; recheck: who may do what
               now; ports, beacons, udp
    circuit/   circuit: one client; input: bytes -> requests, a turn's worth at a time;
               output: what waits to be sent, back pressure, lent arrays; channel:
               channels and subscriptions; quick_gets, handlers, read_handlers,
               write_handlers: what a client may ask; errors: why it is disconnected
    pv/        served_pv: one PV, its payloads cached by request, and who listens;
               put_queue: in which order puts run; perform_put: one of them;
               local_put: puts from within the daemon; noted_values: what is noted;
               publish: post(), post_if_changed(), set_alarm(); record_fields,
               hook_guard
    codec/     protocol, names, filters, json5, dbr_elements, payloads, put_values:
               bytes <-> values, no I/O
    caproto_private/   data, records: the only two that know caproto's private names
    shared     what all parts of one server use; limits, loglimit
    put_note   who puts, and what is known of the put
    evloop/    quick_loop: asyncio's event loop with a short way to the circuits;
               flusher: when circuits send; eager: tasks that start at once;
               turns: long work in portions

Everything runs on the loop's thread. Nothing here waits for a client: an answer that it
does not take stays in its bounded queue, an update that it cannot take conflates.
"""

from sswd.ioc.ca.caproto_private.data import Data, alarm_words, enum_strings
from sswd.ioc.ca.circuit.circuit import Circuit
from sswd.ioc.ca.codec.names import find
from sswd.ioc.ca.evloop.flusher import flusher
from sswd.ioc.ca.evloop.quick_loop import QuickLoop, watch
from sswd.ioc.ca.evloop.turns import in_turns
from sswd.ioc.ca.limits import Counts, Limits
from sswd.ioc.ca.put_note import (
    LOCAL,
    Client,
    PutListener,
    PutNote,
    note_command,
    putting_client,
    who_puts,
)
from sswd.ioc.ca.pv.listen import Listening, newest
from sswd.ioc.ca.pv.local_put import LocalClient, LocalValue, local_put
from sswd.ioc.ca.pv.noted_values import noted_unput
from sswd.ioc.ca.pv.publish import (
    on_change,
    post,
    post_if_changed,
    properties_changed,
    set_alarm,
    set_properties,
    show,
    show_with_alarm,
    stamp_of,
)
from sswd.ioc.ca.pv.record_fields import fill_record_fields
from sswd.ioc.ca.server.context import Context

__all__ = [
    "LOCAL",
    "Circuit",
    "Client",
    "Context",
    "Counts",
    "Data",
    "Limits",
    "Listening",
    "LocalClient",
    "LocalValue",
    "PutListener",
    "PutNote",
    "QuickLoop",
    "alarm_words",
    "enum_strings",
    "fill_record_fields",
    "find",
    "flusher",
    "in_turns",
    "local_put",
    "newest",
    "note_command",
    "noted_unput",
    "on_change",
    "post",
    "post_if_changed",
    "properties_changed",
    "putting_client",
    "set_alarm",
    "set_properties",
    "show",
    "show_with_alarm",
    "stamp_of",
    "watch",
    "who_puts",
]
