"""Disconnects clients that say nothing, take nothing or cost too much."""

import asyncio
import logging
import time

from sswd.ioc.ca.circuit.circuit import Circuit
from sswd.ioc.ca.circuit.output import FREE
from sswd.ioc.ca.server.circuits import Circuits
from sswd.ioc.ca.shared import Shared

PERIOD_S = 1.0


class Reaper:
    """Looks after the circuits of one server; loop thread only."""

    def __init__(self, shared: Shared, circuits: Circuits) -> None:
        self._shared = shared
        self._circuits = circuits
        self._limits = shared.limits
        self._counts = shared.counts

    async def run(self) -> None:
        """Look at all clients every second until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            self.close_over_limits(time.monotonic())

    def close_over_limits(self, now_s: float) -> None:
        """Close the circuits that have passed a limit at this (monotonic) time."""
        for circuit in self._circuits:
            if circuit.output.pressure is not FREE:
                if now_s - circuit.output.progress_s > self._limits.stalled_s:
                    self._close_stalled(circuit, "takes nothing for too long")
            elif (
                not circuit.is_in_use
                and now_s - circuit.last_message_s > self._limits.idle_s
            ):
                self._counts.closed_idle += 1
                self._close(circuit, "has no channel and says nothing")
        self._bound_stalled()
        self._bound_receiving()

    def _bound_stalled(self) -> None:
        stalled = [c for c in self._circuits if c.output.pressure is not FREE]
        stalled.sort(key=lambda circuit: circuit.output.progress_s, reverse=True)
        total = sum(circuit.output.unsent_bytes for circuit in stalled)
        while total > self._limits.stalled_bytes and stalled:
            circuit = stalled.pop()
            total -= circuit.output.unsent_bytes
            self._close_stalled(circuit, "is the longest stalled of too many")

    def _bound_receiving(self) -> None:
        sending = sorted(self._circuits, key=lambda c: len(c.rest))
        total = sum(len(circuit.rest) for circuit in sending)
        while total > self._limits.receiving_bytes:
            circuit = sending.pop()
            total -= len(circuit.rest)
            self._counts.over_limit += 1
            self._close(circuit, "has sent too much of an unfinished message")

    def _close_stalled(self, circuit: Circuit, why: str) -> None:
        self._counts.closed_stalled += 1
        self._close(circuit, why)

    def _close(self, circuit: Circuit, why: str) -> None:
        self._shared.limited_log.log(
            logging.WARNING,
            f"closed {why}",
            "client %s@%s:%d %s: disconnected",
            circuit.user,
            *circuit.address,
            why,
        )
        circuit.close()
