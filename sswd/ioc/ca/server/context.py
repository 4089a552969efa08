"""The Channel Access server: caproto's Context with our TCP side."""

import asyncio
import functools
import logging
import os

import caproto
from caproto.asyncio.server import AsyncioAsyncLayer
from caproto.asyncio.server import Context as CaprotoContext

from sswd.errors import ConfigError
from sswd.ioc.ca.caproto_private.data import Data
from sswd.ioc.ca.circuit import handlers
from sswd.ioc.ca.codec import names
from sswd.ioc.ca.evloop.eager import Coro
from sswd.ioc.ca.limits import Limits
from sswd.ioc.ca.put_note import PutListener
from sswd.ioc.ca.pv.hook_guard import Hook, fenced
from sswd.ioc.ca.pv.record_fields import fill_record_fields
from sswd.ioc.ca.pv.served_pv import ServedPv
from sswd.ioc.ca.server import beacons, ports
from sswd.ioc.ca.server.acceptor import Acceptor
from sswd.ioc.ca.server.circuits import Circuits
from sswd.ioc.ca.server.reaper import Reaper
from sswd.ioc.ca.server.recheck import Recheck
from sswd.ioc.ca.server.search_sockets import (
    SearchListeners,
    check_shareable,
    split_groups,
)
from sswd.ioc.ca.server.udp import DatagramQueue
from sswd.ioc.ca.shared import AccessPolicy, Shared

logger = logging.getLogger(__name__)

NEW_PVS_S = 1.0
"""How often it is looked for PVs that were added."""
END_S = 5.0
"""How long user code that was cancelled may take to end."""


class Context(CaprotoContext):  # type: ignore[misc]
    """Serves `pvdb` (full PV name -> ChannelData) until `run()` is cancelled.

    Made and run on one event loop, whose thread is the only one that may call it.
    `pvdb` may grow while it runs: clients are told by beacons within a second.
    """

    def __init__(
        self,
        pvdb: dict[str, Data],
        interfaces: list[str] | None = None,
        *,
        limits: Limits | None = None,
        exclusive_port: bool = False,
    ) -> None:
        """`exclusive_port`: a TCP port that is taken is an error; see ports.listen.

        Raises ConfigError for an EPICS variable that is no number.
        """
        for name in [n for n in os.environ if n.startswith("EPICS_")]:
            if not os.environ[name]:
                del os.environ[name]  # EPICS base treats it as unset
        try:
            caproto.get_environment_variables()
        except ValueError as error:
            raise ConfigError(f"{error}; correct it, or unset it") from None
        given = caproto.get_server_address_list() if interfaces is None else interfaces
        interfaces, self._groups = split_groups(given)
        super().__init__(pvdb, interfaces)
        self._exclusive_port = exclusive_port
        self.limits = Limits() if limits is None else limits
        self._shared = Shared(self.limits)
        self.counts = self._shared.counts
        self.loop = asyncio.get_running_loop()
        find = functools.partial(names.find, self.pvdb)
        self.circuits = Circuits(self._shared, handlers.table(find))
        self._recheck = Recheck(self._shared, self.circuits)
        self.ca_server_port, _ = ports.wanted_port()
        self.broadcaster_datagram_queue = DatagramQueue(self.counts)
        longest_s = float(self.environ["EPICS_CAS_BEACON_PERIOD"])
        self._beacons = beacons.Beacons(self._shared, longest_s)
        self._listeners = SearchListeners(self.broadcaster_datagram_queue)

    def on_put(self, listener: PutListener) -> None:
        """Hand the note of each put that has ended to `listener`, from now on."""
        self._shared.on_put = listener

    def use_access(self, access: AccessPolicy) -> None:
        """Ask it who may do what, from now on."""
        self._shared.access = access
        self.access_changed()

    @property
    def put_listener(self) -> PutListener | None:
        """Who takes the notes of puts that have ended; None: nobody."""
        return self._shared.on_put

    async def run(
        self,
        *,
        startup_hook: Hook | None = None,
        log_pv_names: bool = False,
    ) -> None:
        """Serve until cancelled; then run the shutdown hooks and hang up.

        As with caproto, the cancellation ends here. Raises PortTakenError.
        """
        fill_record_fields(self.pvdb)
        for data in self.pvdb.values():
            ServedPv.of(data)
        check_shareable(self.interfaces, self.ca_server_port)
        self.port, self.tcp_sockets = ports.listen(
            self.interfaces, exclusive=self._exclusive_port
        )
        self._shared.port = self.port
        acceptor = Acceptor(self._shared, self.circuits, self.tcp_sockets.values())
        try:
            for interface in self.interfaces:
                await self._create_broadcaster_transport(interface)
            await self._listeners.open(
                self.interfaces, self._groups, self.ca_server_port
            )
            if log_pv_names:
                logger.info("PVs served:\n%s", "\n".join(self.pvdb))
            logger.info("Channel Access on TCP port %d", self.port)
            await asyncio.gather(*self._start(startup_hook))
        except asyncio.CancelledError:
            logger.debug("server cancelled, shutting down")
        finally:
            await self._shut_down(acceptor)

    def _start(self, startup_hook: Hook | None) -> list[asyncio.Task[object]]:
        jobs: list[Coro] = [
            self.broadcaster_receive_loop(),
            self.broadcaster_queue_loop(),
            self._beacons.run(),
            Reaper(self._shared, self.circuits).run(),
            self._announce_new_pvs(len(self.pvdb)),
        ]
        library = AsyncioAsyncLayer()
        if startup_hook is not None:
            jobs.append(self._fence("startup_hook", startup_hook, None)(library))
        jobs += [hook(library) for hook in self.startup_methods.values()]
        return [self._shared.keep(self.loop.create_task(job)) for job in jobs]

    async def _shut_down(self, acceptor: Acceptor) -> None:
        """Every part is closed whatever the others do; hooks are fenced."""
        acceptor.close()
        tasks = self._shared.cancel_tasks()
        if tasks:
            await asyncio.wait(tasks, timeout=END_S)
        library = AsyncioAsyncLayer()
        await asyncio.gather(
            *(hook(library) for hook in self.shutdown_methods.values())
        )
        for circuit in self.circuits:
            circuit.output.flush()
            circuit.close()
        puts = [put for d in self.pvdb.values() for put in ServedPv.of(d).puts.cancel()]
        if puts:
            await asyncio.wait(puts, timeout=END_S)
        for transport in self.udp_socks.values():
            transport.close()
        self._listeners.close()
        self._beacons.close()

    def __getitem__(self, name: str) -> Data:
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

    async def _announce_new_pvs(self, served: int) -> None:
        """Announce PVs that were added to the `served` ones, until cancelled."""
        while True:
            await asyncio.sleep(NEW_PVS_S)
            if len(self.pvdb) != served:
                served = len(self.pvdb)
                self.announce()

    def access_changed(self) -> None:
        """Ask every PV's check_access again and tell the clients what has changed: in
        this turn of the loop as many as it takes, the others in the next ones."""
        self._recheck.begin()

    async def broadcaster_receive_loop(self) -> None:
        """Hand datagrams to caproto's search; an error of the socket ends nothing."""
        while True:
            _, data, address = await self.broadcaster_datagram_queue.async_get()
            if isinstance(data, Exception):
                self._shared.limited_log.log(
                    logging.WARNING, "udp", "UDP search: %s", data
                )
            else:
                await self._broadcaster_recv_datagram(data, address)

    async def _broadcaster_queue_iteration(
        self, addr: object, commands: object
    ) -> None:
        """caproto's answer to a search, without a traceback where nobody is home."""
        try:
            await super()._broadcaster_queue_iteration(addr, commands)
        except OSError as error:
            text = "cannot answer the search of %s: %s"
            self._shared.limited_log.log(logging.WARNING, "search", text, addr, error)

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
