"""The Channel Access server: caproto's Context with our TCP side."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from caproto.asyncio.server import AsyncioAsyncLayer
from caproto.asyncio.server import Context as CaprotoContext

from sswd.errors import CommandError, SswdError
from sswd.ioc.ca.caproto_private.data import CaprotoError, Data
from sswd.ioc.ca.circuit.circuit import Circuit
from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.codec import names
from sswd.ioc.ca.limits import Counts, Limits
from sswd.ioc.ca.loglimit import LimitedLog
from sswd.ioc.ca.pv.hook_guard import Hook, fenced
from sswd.ioc.ca.pv.record_fields import fill_record_fields
from sswd.ioc.ca.pv.served_pv import ServedPv
from sswd.ioc.ca.server import beacons, ports
from sswd.ioc.ca.server.acceptor import Acceptor
from sswd.ioc.ca.server.reaper import Reaper
from sswd.ioc.ca.server.udp import DatagramQueue

logger = logging.getLogger(__name__)

READ_SIZE = 64 << 10
NEWCOMER_S = 1.0
"""So long a client without channels is not idle but new."""
END_S = 5.0
"""How long user code that was cancelled may take to end."""


class Context(CaprotoContext):  # type: ignore[misc]
    """Serves `pvdb` (full PV name -> ChannelData) until `run()` is cancelled.

    Made and run on one event loop, whose thread is the only one that may call it.
    `pvdb` may grow while it runs: clients are told by beacons within a second.
    """

    def __init__(
        self,
        pvdb: dict[str, Any],
        interfaces: list[str] | None = None,
        *,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(pvdb, interfaces)
        self.limits = Limits() if limits is None else limits
        self.max_payload = self.limits.max_payload()
        self.counts = Counts()
        self.limited_log = LimitedLog(logger, self.limits.log_period_s)
        self.loop = asyncio.get_running_loop()
        self.buffer = bytearray(READ_SIZE)
        self.circuits: set[Circuit] = set()
        self.ca_server_port, _ = ports.wanted_port()
        self.broadcaster_datagram_queue = DatagramQueue(self.counts)
        self._beacons = beacons.Beacons(self)
        self._tasks: set[asyncio.Task[object]] = set()

    async def run(
        self,
        *,
        startup_hook: Callable[[Any], Any] | None = None,
        log_pv_names: bool = False,
    ) -> None:
        """Serve until cancelled; then run the shutdown hooks and hang up.

        As with caproto, the cancellation ends here. Raises PortTakenError.
        """
        fill_record_fields(self.pvdb)
        for data in self.pvdb.values():
            ServedPv.of(data)
        self.port, self.tcp_sockets = ports.listen(self.interfaces)
        acceptor = Acceptor(self, self.tcp_sockets.values())
        try:
            for interface in self.interfaces:
                await self._create_broadcaster_transport(interface)
            if log_pv_names:
                logger.info("PVs served:\n%s", "\n".join(self.pvdb))
            logger.info("Channel Access on TCP port %d", self.port)
            await asyncio.gather(*self._start(startup_hook))
        except asyncio.CancelledError:
            logger.debug("server cancelled, shutting down")
        finally:
            await self._shut_down(acceptor)

    def _start(self, startup_hook: Hook | None) -> list[asyncio.Task[object]]:
        jobs: list[Coroutine[Any, Any, object]] = [
            self.broadcaster_receive_loop(),
            self.broadcaster_queue_loop(),
            self._beacons.run(),
            Reaper(self).run(),
        ]
        library = AsyncioAsyncLayer()
        if startup_hook is not None:
            jobs.append(self._fence("startup_hook", startup_hook, None)(library))
        jobs += [hook(library) for hook in self.startup_methods.values()]
        return [self.keep(self.loop.create_task(job)) for job in jobs]

    async def _shut_down(self, acceptor: Acceptor) -> None:
        """Every part is closed whatever the others do; hooks are fenced."""
        acceptor.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=END_S)
        library = AsyncioAsyncLayer()
        await asyncio.gather(
            *(hook(library) for hook in self.shutdown_methods.values())
        )
        for circuit in list(self.circuits):
            circuit.flush()
            circuit.close()
        puts = [put for d in self.pvdb.values() for put in ServedPv.of(d).puts.cancel()]
        if puts:
            await asyncio.wait(puts, timeout=END_S)
        for transport in self.udp_socks.values():
            transport.close()
        self._beacons.close()

    def __getitem__(self, name: str) -> Any:
        """The ChannelData of a name; UDP searches ask here. Raises KeyError."""
        found = names.find(self.pvdb, name)
        if found is None:
            raise KeyError(name)
        return found.data

    def announce(self) -> None:
        """Make clients search again soon, for PVs that were added to `pvdb`."""
        for data in self.pvdb.values():
            ServedPv.of(data)
        self._beacons.restart()

    def access_changed(self) -> None:
        """Ask every PV's check_access again and tell the clients what has changed."""
        for circuit in list(self.circuits):
            circuit.recheck_access()

    async def broadcaster_receive_loop(self) -> None:
        """Hand datagrams to caproto's search; an error of the socket ends nothing."""
        while True:
            _, data, address = await self.broadcaster_datagram_queue.async_get()
            if isinstance(data, Exception):
                self.limited_log.log(logging.WARNING, "udp", "UDP search: %s", data)
            else:
                await self._broadcaster_recv_datagram(data, address)

    async def _broadcaster_queue_iteration(self, addr: Any, commands: Any) -> None:
        """caproto's answer to a search, without a traceback where nobody is home."""
        try:
            await super()._broadcaster_queue_iteration(addr, commands)
        except OSError as error:
            text = "cannot answer the search of %s: %s"
            self.limited_log.log(logging.WARNING, "search", text, addr, error)

    # ---- for circuits, the acceptor and the hooks
    def keep(self, task: asyncio.Task[object]) -> asyncio.Task[object]:
        """Hold a task until it has ended; it is cancelled at the end."""
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def gone(self, circuit: Circuit) -> None:
        """A circuit has closed itself."""
        self.circuits.discard(circuit)
        self.counts.connections = len(self.circuits)

    def close_idlest(self) -> bool:
        """Close the client without channels that has been silent longest.

        None that has just come: it may be about to ask for its first channel.
        """
        since_s = time.monotonic() - NEWCOMER_S
        idle = [
            c
            for c in self.circuits
            if not c.channels and not c.in_flight and c.born_s < since_s
        ]
        if not idle:
            return False
        min(idle, key=lambda circuit: circuit.last_message_s).close()
        self.counts.closed_idle += 1
        return True

    def over_limit(self, circuit: Circuit, what: str, limit: int) -> None:
        """A client wants more than it may."""
        self.counts.over_limit += 1
        self.limited_log.log(
            logging.WARNING,
            f"limit {what}",
            "client %s@%s:%d wants more than %d %s; refused",
            circuit.user,
            *circuit.address,
            limit,
            what,
        )

    def tell_failure(
        self, what: str, name: str, circuit: Circuit, error: BaseException
    ) -> None:
        """One line for a request that failed; a traceback for what nobody expected.

        None for a command that ended badly: the desk has told it already.
        """
        if isinstance(error, CommandError):
            return
        expected = isinstance(error, SswdError | CaprotoError)
        self.limited_log.log(
            logging.WARNING if expected else logging.ERROR,
            f"{what} {name}",
            "%s %s by %s@%s failed: %s: %s",
            what,
            name,
            circuit.user,
            circuit.address[0],
            type(error).__name__,
            error,
            exc_info=None if expected else error,
        )

    def tell_refused(self, circuit: Circuit, bad: BadRequest) -> None:
        """A client was disconnected for breaking the protocol."""
        self.limited_log.log(
            logging.WARNING,
            "bad request",
            "client %s@%s:%d disconnected: %s",
            circuit.user,
            *circuit.address,
            bad,
        )

    def _find_hook_methods(self, *attrs: str) -> dict[str, Hook]:
        found: dict[str, Hook] = {}
        served = self.pvdb_with_fields
        for name, hook in super()._find_hook_methods(*attrs).items():
            found[name] = self._fence(name, hook, served.get(name.rpartition(".")[0]))
        return found

    def _fence(self, name: str, hook: Hook, data: Data | None) -> Hook:
        def failed() -> None:
            self.counts.hook_failures += 1

        return fenced(name, hook, data, failed)
