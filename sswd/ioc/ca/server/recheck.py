"""Asks again what clients may do, when rules, an input or a lock have changed.

A channel costs 10 to 20 us, and clients have tens of thousands: all of them at once
would keep everybody waiting. So it is done in turns of the loop, and a request that
comes before its channel's turn has the channel asked first (`Circuit.channel`).

Threading model: the loop's own.
"""

from collections.abc import Iterator

from sswd.ioc.ca.circuit.channel import Channel
from sswd.ioc.ca.circuit.circuit import Circuit
from sswd.ioc.ca.evloop.turns import in_turns
from sswd.ioc.ca.server.circuits import Circuits
from sswd.ioc.ca.shared import Shared


class Recheck:
    """All channels of all clients, in one pass at a time."""

    def __init__(self, shared: Shared, circuits: Circuits) -> None:
        self._shared = shared
        self._circuits = circuits
        self._is_wanted = False

    def begin(self) -> None:
        """Ask for all channels: the first ones in this turn. While a pass is under way
        it goes on, and one more follows, so that no channel waits for ever."""
        self._is_wanted = True
        if not self._shared.is_rechecking:
            self._shared.is_rechecking = True
            in_turns(self._steps(), self._done)

    def _steps(self) -> Iterator[None]:
        """A channel a step."""
        while self._is_wanted:
            self._is_wanted = False
            for circuit in list(self._circuits):
                for channel in list(circuit.channels.values()):
                    if circuit.channels.get(channel.sid) is channel:
                        self._recheck(circuit, channel)
                        yield

    def _recheck(self, circuit: Circuit, channel: Channel) -> None:
        """One that fails ends no pass: no rights would change any more."""
        try:
            circuit.recheck(channel)
        except Exception as error:  # noqa: BLE001 - around user code: a value is sent
            self._shared.log_failure("recheck", channel.name, circuit, error)

    def _done(self) -> None:
        self._shared.is_rechecking = False
