"""The clients that are connected now."""

import socket
import time
from collections.abc import Iterator

from sswd.ioc.ca.circuit.circuit import Circuit, Handlers
from sswd.ioc.ca.shared import Shared

NEWCOMER_S = 1.0
"""So long a client without channels is not idle but new."""


class Circuits:
    """The circuits of one server. Loop thread only."""

    def __init__(self, shared: Shared, handlers: Handlers) -> None:
        self._shared = shared
        self._handlers = handlers
        self._circuits: set[Circuit] = set()

    def __len__(self) -> int:
        return len(self._circuits)

    def __iter__(self) -> Iterator[Circuit]:
        """Those of now: a circuit may be closed meanwhile."""
        return iter(list(self._circuits))

    def add(self, client: socket.socket, address: tuple[str, int]) -> None:
        """Serve a client from now on. Raises OSError."""
        self._circuits.add(
            Circuit(self._shared, self._handlers, client, address, self._on_closed)
        )
        self._count()

    def close_idlest(self) -> bool:
        """Close the client without channels that has been silent longest.

        None that has just come: it may be about to ask for its first channel.
        """
        since_s = time.monotonic() - NEWCOMER_S
        idle = [
            circuit
            for circuit in self._circuits
            if not circuit.is_in_use and circuit.born_s < since_s
        ]
        if not idle:
            return False
        min(idle, key=lambda circuit: circuit.last_message_s).close()
        self._shared.counts.closed_idle += 1
        return True

    def _on_closed(self, circuit: Circuit) -> None:
        self._circuits.discard(circuit)
        self._count()
        if self._shared.access is not None:
            self._shared.access.left(circuit)

    def _count(self) -> None:
        self._shared.counts.connections = len(self._circuits)
