"""Disconnects clients that say nothing, take nothing or cost too much.

It also notices PVs that were added, so that clients search for them again.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sswd.ioc.ca.circuit.circuit import Circuit
    from sswd.ioc.ca.server.context import Context

PERIOD_S = 1.0


class Reaper:
    """Looks after the circuits of one Context; loop thread only."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._limits = context.limits
        self._counts = context.counts
        self._served = len(context.pvdb)

    async def run(self) -> None:
        """Look at all clients, and for new PVs, every second until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            self.sweep(time.monotonic())
            if len(self._context.pvdb) != self._served:
                self._served = len(self._context.pvdb)
                self._context.announce()

    def sweep(self, now_s: float) -> None:
        """Close the circuits that have passed a limit at this (monotonic) time."""
        for circuit in list(self._context.circuits):
            if circuit.blocked:
                if now_s - circuit.progress_s > self._limits.stalled_s:
                    self._close_stalled(circuit, "takes nothing for too long")
            elif (
                not circuit.channels
                and not circuit.in_flight
                and now_s - circuit.last_message_s > self._limits.idle_s
            ):
                self._counts.closed_idle += 1
                self._close(circuit, "has no channel and says nothing")
        self._bound_stalled()
        self._bound_receiving()

    def _bound_stalled(self) -> None:
        stalled = [c for c in self._context.circuits if c.blocked]
        stalled.sort(key=lambda circuit: circuit.progress_s, reverse=True)
        total = sum(circuit.unsent_bytes for circuit in stalled)
        while total > self._limits.stalled_bytes and stalled:
            circuit = stalled.pop()
            total -= circuit.unsent_bytes
            self._close_stalled(circuit, "is the longest stalled of too many")

    def _bound_receiving(self) -> None:
        sending = sorted(self._context.circuits, key=lambda c: len(c.rest))
        total = sum(len(circuit.rest) for circuit in sending)
        while total > self._limits.receiving_bytes:
            circuit = sending.pop()
            total -= len(circuit.rest)
            self._counts.over_limit += 1
            self._close(circuit, "has sent too much of an unfinished message")

    def _close_stalled(self, circuit: "Circuit", why: str) -> None:
        self._counts.closed_stalled += 1
        self._close(circuit, why)

    def _close(self, circuit: "Circuit", why: str) -> None:
        self._context.limited_log.log(
            logging.WARNING,
            f"closed {why}",
            "client %s@%s:%d %s: disconnected",
            circuit.user,
            *circuit.address,
            why,
        )
        circuit.close()
