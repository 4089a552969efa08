"""What an operator orders: restart, start, stop, abort of systems; reload of all.

Threading model: the loop's own. Nothing here waits for what it begins: `status` tells.
"""

import contextlib
import logging
import time
from collections.abc import Sequence

from sswd.config.keys.pv import ACTION_STRINGS
from sswd.control import protocol
from sswd.control.protocol import Answer, Refused
from sswd.ioc import ca
from sswd.ioc.daemon.control.api import DaemonApi
from sswd.ioc.daemon.reload import ONLY_ACCESS
from sswd.ioc.supervision.lifecycle import Event
from sswd.ioc.template import Server

log = logging.getLogger("sswd.ioc")

ALL = "all"
CHARACTERS = 200
"""Of what a denied order is about, in the log."""
_PVS: dict[type[protocol.OnSystem], str] = {
    protocol.Restart: "WORKER:RESTART",
    protocol.Start: "WORKER:START",
    protocol.Stop: "WORKER:STOP",
    protocol.Abort: "ABORT",
}
"""The PVs that do the same; the audit log names them."""
_EVENTS: dict[type[protocol.OnSystem], Event] = {
    protocol.Restart: Event.RESTART,
    protocol.Start: Event.START,
    protocol.Stop: Event.STOP,
}

_VERBS: dict[type[protocol.Request], str] = {
    protocol.SetLevel: "LEVEL",
    protocol.Close: "CLIENTS --CLOSE",
}
"""Orders that are not named as the program `sswd` names them."""


def named(api: DaemonApi, name: str) -> list[Server]:
    """The systems that a name means: one, or "all". Empty: the only one.

    Raises Refused when there is none of this name, or several that may be meant.
    """
    names = [server.system_name for server in api.servers]
    if name == ALL:
        return list(api.servers)
    if not name and len(names) == 1:
        return list(api.servers)
    if not name:
        raise Refused(f"which system? {', '.join(names)}, or {ALL}")
    found = [server for server in api.servers if server.system_name == name]
    if not found:
        words = f"there is no system {name!r}; there are {', '.join(names)}"
        raise Refused(words, "not found")
    return found


async def reload(api: DaemonApi, who: str) -> Sequence[Answer]:
    """Take configuration and code anew. Raises Refused for a file that is not good."""
    log.info("RELOAD by %s", who)
    became = await api.reload()
    if became.refusal:
        raise Refused(became.refusal, "failed")
    waits = list(became.waits)
    if not became.restarts:
        return [protocol.End(words=ONLY_ACCESS, waits=waits)]
    for server in api.servers:
        _note(api, f"{server.prefix}{_PVS[protocol.Restart]}", who)
    return [protocol.End(waits=waits)]


def tell_denied(api: DaemonApi, request: protocol.Request, who: str) -> None:
    """Tell the log and the audit log of an order that `who` has no right to give."""
    match request:
        case protocol.OnSystem():
            order, about = type(request).__name__.upper(), request.system
            with contextlib.suppress(Refused):  # there is no such system
                for server in named(api, request.system):
                    _note(api, f"{server.prefix}{_PVS[type(request)]}", who, "DENIED")
        case protocol.Call():
            order, about = "CALL", request.pv
            new, size = ca.noted_unput(request.value)
            _note(api, request.pv, who, "DENIED", (new, None, size))
        case _:  # there is no PV that does the same
            order = _VERBS.get(type(request), type(request).__name__.upper())
            about = _about(request)[:CHARACTERS]
            _note(api, f"sswd {order.lower()}", who, "DENIED", (about, None, None))
    what = f"{order} {about[:CHARACTERS]}".rstrip()
    log.warning("%s denied to %s: no right at the control socket", what, who)


def _about(request: protocol.Request) -> str:
    """What an order is about that no PV gives."""
    match request:
        case protocol.SetLevel(logger=logger, system=system, level=level):
            return f"{system or 'IOC'} {logger or 'root'} {level}"
        case protocol.Close(client=client):
            return client
        case _:
            return ""


def _note(
    api: DaemonApi,
    pv: str,
    who: str,
    fate: str = "DONE",
    values: tuple[object, object, int | None] = (*ACTION_STRINGS[::-1], None),
) -> None:
    """Tell the audit log of an order, as of the put that does the same.

    `values`: new, old, and how many elements or bytes the new one had.
    """
    if api.context.put_listener is None:
        return
    user, _, host = who.partition("@")
    note = ca.PutNote(pv, ca.LOCAL, host, user, time.time(), *values)
    note.ended(fate, "" if fate == "DONE" else "no right at the control socket")
    api.context.put_listener(note)


def perform(api: DaemonApi, request: protocol.OnSystem, who: str) -> Sequence[Answer]:
    """Order it. Raises Refused for a system that cannot be ordered anything."""
    for server in named(api, request.system):
        served = server.served
        if served is None:
            raise Refused(f"system {server.system_name!r} is not served now")
        what = type(request).__name__.upper()
        log.info("system '%s': %s by %s", server.system_name, what, who)
        _note(api, f"{server.prefix}{_PVS[type(request)]}", who)
        if isinstance(request, protocol.Abort):
            served.dispatcher.abort()
        else:
            served.supervisor.feed(_EVENTS[type(request)])
    return []
