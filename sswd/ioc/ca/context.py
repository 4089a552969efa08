"""The Channel Access server: caproto's Context with our TCP side."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

import caproto
from caproto.asyncio.server import Context as CaprotoContext

from sswd.ioc.ca import ports
from sswd.ioc.ca.fields import fill_record_fields
from sswd.ioc.ca.hooks import Hook, fenced
from sswd.ioc.ca.limits import Counts, Limits
from sswd.ioc.ca.loglimit import LimitedLog
from sswd.ioc.ca.puts import PutQueue
from sswd.ioc.ca.seam import Data
from sswd.ioc.ca.thin import Circuit

logger = logging.getLogger(__name__)

MIN_BEACON_PERIOD_S = 0.02


class Context(CaprotoContext):  # type: ignore[misc]
    """Serves `pvdb` (full PV name -> ChannelData) until `run()` is cancelled.

    Made and run on one event loop. `pvdb` may grow while it runs.
    """

    CircuitClass = Circuit

    def __init__(
        self,
        pvdb: dict[str, Any],
        interfaces: list[str] | None = None,
        *,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(pvdb, interfaces)
        self.limits = Limits() if limits is None else limits
        self.counts = Counts()
        self.limited_log = LimitedLog(logger, self.limits.log_period_s)
        self.ca_server_port, _ = ports.wanted_port()
        self._put_queues: dict[int, tuple[Data, PutQueue]] = {}

    async def run(
        self,
        *,
        startup_hook: Callable[[Any], Any] | None = None,
        log_pv_names: bool = False,
    ) -> None:
        """Serve until cancelled. Raises PortTakenError."""
        fill_record_fields(self.pvdb)
        if startup_hook is not None:
            startup_hook = self._fence("startup_hook", startup_hook, None)
        try:
            await super().run(log_pv_names=log_pv_names, startup_hook=startup_hook)
        finally:
            for _, queue in self._put_queues.values():
                queue.cancel()
            for circuit in list(self.circuits):
                circuit.client.close()
            await asyncio.sleep(0.01)

    def put_queue(self, data: Data) -> PutQueue:
        """The queue of puts on `data`."""
        held = self._put_queues.get(id(data))
        if held is None:
            queue = PutQueue(overlap=bool(getattr(data, "puts_overlap", False)))
            held = self._put_queues[id(data)] = (data, queue)
        return held[1]

    def __getitem__(self, name: str) -> Any:
        """The ChannelData of `name`, `name.FIELD`, `name.FIELD$` or `name$`."""
        if name.endswith("$") and "." not in name and name not in self.pvdb:
            name = f"{name[:-1]}.VAL$"
        return super().__getitem__(name)

    def _find_hook_methods(self, *attrs: str) -> dict[str, Hook]:
        found: dict[str, Hook] = {}
        for name, hook in super()._find_hook_methods(*attrs).items():
            data = self.pvdb_with_fields.get(name.rpartition(".")[0])
            found[name] = self._fence(name, hook, data)
        return found

    def _fence(self, name: str, hook: Hook, data: Data | None) -> Hook:
        def failed() -> None:
            self.counts.hook_failures += 1

        return fenced(name, hook, data, failed)

    async def _bind_tcp_sockets_with_consistent_port_number(
        self, _make_socket: object
    ) -> tuple[int, dict[str, socket.socket]]:
        return ports.listen(self.interfaces)

    async def tcp_handler(self, client: Any, addr: Any) -> None:
        sock = client.writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await super().tcp_handler(client, addr)

    async def broadcast_beacon_loop(self) -> None:
        """Beacons as EPICS asks; that nobody listens for them is no error."""
        longest_s = float(self.environ["EPICS_CAS_BEACON_PERIOD"])
        period_s = MIN_BEACON_PERIOD_S
        while True:
            for address, (interface, sock) in self.beacon_socks.items():
                beacon = caproto.Beacon(13, self.port, self.beacon_count, interface)
                try:
                    await sock.send(self.broadcaster.send(beacon))
                except OSError as error:
                    self._beacon_failed(address, error)
            self.beacon_count += 1
            await asyncio.sleep(period_s)
            period_s = min(longest_s, period_s * 2)

    def _beacon_failed(self, address: Any, error: OSError) -> None:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        if cause.errno == errno.ECONNREFUSED:
            return  # no CA repeater runs there: normal on a host without clients
        self.limited_log.log(
            logging.WARNING,
            f"beacon {address}",
            "cannot send beacons to %s:%s: %s; set EPICS_CAS_AUTO_BEACON_ADDR_LIST=NO "
            "and EPICS_CAS_BEACON_ADDR_LIST",
            *address,
            cause,
        )
