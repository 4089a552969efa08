"""The daemon: serves the templates of all systems, handles signals."""

import asyncio
import faulthandler
import gc
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sswd.config.keys import Config
from sswd.control.places import socket_path
from sswd.directories import file_stem
from sswd.ioc import ca
from sswd.ioc.ca import Context, QuickLoop
from sswd.ioc.daemon.access import AccessControl
from sswd.ioc.daemon.audit import Audit, audit_log
from sswd.ioc.daemon.composed import Composed, compose
from sswd.ioc.daemon.control.answers import Answers
from sswd.ioc.daemon.control.api import DaemonApi
from sswd.ioc.daemon.control.listener import Listener
from sswd.ioc.daemon.control.log_ring import LogRing, log_ring
from sswd.ioc.daemon.duplicate_pvs import warn_of_duplicates
from sswd.ioc.daemon.outside import Outside, check_installed
from sswd.ioc.daemon.park_marks import ParkMarks
from sswd.ioc.daemon.prefix_lock import prefix_lock
from sswd.ioc.daemon.reload import ReadConfig, Reloader
from sswd.ioc.daemon.systemd import Systemd
from sswd.ioc.process.adopted import AdoptedReaper, adopt
from sswd.ioc.supervision.lifecycle import WorkerState
from sswd.stacks import tell_stacks

log = logging.getLogger("sswd.ioc")


def run(
    config: Config,
    *,
    folder: Path,
    file: Path | None = None,
    reread: ReadConfig | None = None,
    exclusive_port: bool = False,
) -> int:
    """Serve until TERM or INT; returns the exit code 0.

    `folder` is that of the configuration `file`: the workers' sys.path starts with it.
    `reread` reads the configuration again for HUP; default: only code is taken anew.
    `exclusive_port`: no other TCP port than the one that is set will do.
    Raises ConfigError, PortTakenError (port or prefix). Main thread only.
    """
    check_installed(config)
    with (
        prefix_lock(config),
        audit_log(config.audit) as audit,
        log_ring() as ring,
        asyncio.Runner(loop_factory=QuickLoop) as runner,
    ):
        marks = ParkMarks(config, folder)
        composed = compose(config, folder, marks.left)
        access = AccessControl(config, folder, composed.servers, composed.pvdb)
        reloader = Reloader(config, reread, composed.servers, access)
        having = Facilities(access, marks, file, ring, audit, exclusive_port)
        service = Service(composed, reloader, having)
        runner.run(service.serve())
    return 0


class Facilities(NamedTuple):
    """What one daemon has beside its PVs."""

    access: AccessControl
    marks: ParkMarks
    file: Path | None
    """The configuration."""
    ring: LogRing
    audit: Audit | None
    exclusive_port: bool


class Service:
    """One daemon on the running loop."""

    def __init__(
        self,
        composed: Composed,
        reloader: Reloader,
        having: Facilities,
    ) -> None:
        self._composed = composed
        self._reloader = reloader
        self._having = having
        self._systemd = Systemd(os.environ)
        self._servers = composed.servers
        self._stop = asyncio.Event()
        self._stops = 0
        self._reaper = AdoptedReaper(lambda: composed.guardian.pids)
        # Asked now: a terminal that hung up does not answer as one any more.
        self._on_terminal = any(os.isatty(fd) for fd in (0, 1, 2))

    async def serve(self) -> None:
        """Serve until a signal says stop; then stop all workers at once."""
        self._take_signals()
        # Modules and PVs stay to the end. A full collection that looks at all of them
        # keeps clients waiting for 30 ms and more, and a flood of posts brings one on.
        gc.freeze()
        adopt()
        self._reaper.start()
        server = Context(
            self._composed.pvdb,
            limits=self._composed.limits,
            exclusive_port=self._having.exclusive_port,
        )
        self._composed.statistics.counts = server.counts
        if self._having.audit is not None:
            server.on_put(self._having.audit.put)
        self._having.access.start(server)
        names = [template.CMD.pvname for template in self._servers]

        async def serving(_async_lib: object) -> None:
            self._systemd.ready(self._states)
            await warn_of_duplicates(names, server.port)

        self._having.marks.begin()
        api = self._api(server)
        control = self._control(api)
        await control.open()
        outside = Outside(self._composed.recsync, self._composed.metrics, api)
        await outside.open()
        if self._composed.forks:
            await self._composed.forkserver.open()
        context = asyncio.create_task(server.run(startup_hook=serving))
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({context, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not context.done():
            log.info("stopping: the workers first, then Channel Access")
        self._systemd.stopping()
        await self._reloader.close()
        await self._having.access.close()
        await self._close_systems()
        self._composed.forkserver.close()
        self._reaper.stop()
        await asyncio.to_thread(self._composed.guardian.close)  # kills what is left
        self._reaper.look()
        await control.close()
        await outside.close()
        if context.done():
            context.result()  # raises what ended it: a taken port
        context.cancel()
        await asyncio.wait({context})
        log.info("stopped")
        self._systemd.close()
        self._leave_signals()

    async def _close_systems(self) -> None:
        """All at once; those that leave their hardware in order need no parking."""
        closing = (server.close() for server in self._servers)
        ends = await asyncio.gather(*closing, return_exceptions=True)
        for server, end in zip(self._servers, ends, strict=True):
            if isinstance(end, BaseException):
                log.error("a system failed while it was closed", exc_info=end)
            elif end:
                self._having.marks.in_order(server.system_name)

    def _states(self) -> dict[str, str]:
        """The state of each system's worker, by its name."""
        return {
            server.system_name: WorkerState(int(ca.newest(server.WORKER.STATE)[0])).name
            for server in self._servers
        }

    def _api(self, context: Context) -> DaemonApi:
        composed = self._composed
        return DaemonApi(
            prefixes=composed.prefixes,
            file=self._having.file,
            servers=composed.servers,
            context=context,
            pvdb=composed.pvdb,
            statistics=composed.statistics,
            log_ring=self._having.ring,
            access=self._having.access,
            forkserver=composed.forkserver,
            folders=composed.folders,
            reload=self._reloader.reloaded,
            last_reload=lambda: self._reloader.became,
        )

    def _control(self, api: DaemonApi) -> Listener:
        # The lock of this prefix is held: the socket's name is ours.
        path = socket_path(file_stem(self._composed.prefixes[-1]))
        return Listener(path, Answers(api))

    def _take_signals(self) -> None:
        faulthandler.enable()  # systemd's watchdog ends us by SIGABRT: with stacks
        # procServ starts us with TERM and HUP blocked, and workers would inherit that.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped_by, number)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        # Not by the loop, because the loop may be what hangs.
        tell_stacks(
            signal.SIGUSR1, 2, then=lambda: _soon(loop, self._tell_workers_stacks)
        )

    def _leave_signals(self) -> None:
        """One more signal while Python ends must not spoil the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    def _stopped_by(self, number: signal.Signals) -> None:
        log.info("%s received", number.name)
        self._stop.set()
        if number is signal.SIGHUP:
            return  # a terminal that closes is no second order to stop
        self._stops += 1
        if self._stops == 2:
            log.warning("second signal: killing the workers instead of waiting")
            for server in self._servers:
                server.kill()

    def _hung_up(self) -> None:
        if self._on_terminal or self._stop.is_set():
            self._stopped_by(signal.SIGHUP)
            return
        log.info("SIGHUP received: reading the configuration again")
        self._reloader.reload()

    def _tell_workers_stacks(self) -> None:
        log.info("SIGUSR1 received: writing the stacks of the IOC and of the workers")
        for server in self._servers:
            server.dump_stacks()


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
