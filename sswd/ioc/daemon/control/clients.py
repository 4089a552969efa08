"""The Channel Access clients: who they are, and the end of one.

Threading model: the loop's own.
"""

import logging
import time
from collections.abc import Sequence

from sswd.control.protocol import Answer, Client, Close, Refused
from sswd.ioc.ca import Circuit
from sswd.ioc.daemon.control.api import DaemonApi

log = logging.getLogger("sswd.ioc")


def tell(api: DaemonApi) -> Sequence[Answer]:
    """One line a client, the one that came first first."""
    circuits = sorted(api.context.circuits, key=lambda circuit: circuit.born_s)
    now_s = time.monotonic()
    return [_client(circuit, now_s) for circuit in circuits]


def close(api: DaemonApi, request: Close, who: str) -> Sequence[Answer]:
    """Hang up on one. It may come again. Raises Refused: there is none of this id."""
    for circuit in api.context.circuits:
        if _id(circuit) == request.client:
            log.info("client %s@%s closed by %s", circuit.user, request.client, who)
            circuit.close()
            return []
    raise Refused(f"there is no client {request.client!r}", "not found")


def _client(circuit: Circuit, now_s: float) -> Client:
    put = circuit.last_put
    return Client(
        id=_id(circuit),
        host=circuit.host or "",
        user=circuit.user or "",
        channels=len(circuit.channels),
        monitors=circuit.subscriptions,
        unsent_bytes=circuit.output.unsent_bytes,
        puts_waiting=circuit.in_flight,
        connected_for=now_s - circuit.born_s,
        silent_for=now_s - circuit.last_message_s,
        last_put="" if put is None else put[0],
        last_put_ago=None if put is None else now_s - put[1],
    )


def _id(circuit: Circuit) -> str:
    host, port = circuit.address[:2]
    return f"{host}:{port}"
