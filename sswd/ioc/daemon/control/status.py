"""Collects what `status` tells. What of it is not well, findings.py says.

Threading model: the loop's own. It costs a fraction of a millisecond, and is collected
PER_S times a second at most, however often it is asked.
"""

import asyncio
import contextlib
import math
import os
import time

import psutil

from sswd.alarm import Alarm, Severity
from sswd.alarm import Status as AlarmStatus
from sswd.control.mends import mend_of
from sswd.control.status import (
    Disk,
    Failure,
    IocStatus,
    Running,
    StandingAlarm,
    Status,
    SystemStatus,
)
from sswd.ioc import ca
from sswd.ioc.commands.command_log import words_of
from sswd.ioc.daemon.access import lock_of
from sswd.ioc.daemon.control.api import DaemonApi
from sswd.ioc.daemon.control.disk import Disks
from sswd.ioc.daemon.control.findings import findings
from sswd.ioc.pvs.alarm_priority import Source, shown_of
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.supervision.lifecycle import WorkerState
from sswd.ioc.supervision.standby import restart_refused
from sswd.ioc.supervision.worker_pvs import WorkerStatus
from sswd.ioc.system.served_system import ServedSystem
from sswd.ioc.template import Server
from sswd.log_file import troubles

PER_S = 20
SHOWN_PVS = 5
"""Of one alarm so many PVs are named."""
WORDS = 2000
"""Characters of a failure's words."""


class Collector:
    """Collects the status of one daemon."""

    def __init__(self, api: DaemonApi, disks: Disks) -> None:
        self._api = api
        self._disks = disks
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.Error, OSError):  # no /proc
            self._process = psutil.Process()
        self._collecting = asyncio.Lock()
        self._collected_s = 0.0
        self._last: Status | None = None

    def forget(self) -> None:
        """Something was ordered: who asks next sees what has become of it."""
        self._last = None

    async def collect(self) -> Status:
        """The status of now. Who asks while the disks are asked waits for that."""
        async with self._collecting:
            is_fresh = time.monotonic() - self._collected_s < 1 / PER_S
            if self._last is not None and is_fresh:
                return self._last
            disks = await self._disks.ask()
            # From here in one turn of the loop, after whatever was ordered meanwhile.
            systems = [_system(server) for server in self._api.servers]
            ioc = self._ioc(*disks)
            told = Status(ioc=ioc, systems=systems, wrong=findings(ioc, systems))
            self._last, self._collected_s = told, time.monotonic()
            return told

    def _ioc(self, state: Disk, *others: Disk) -> IocStatus:
        api, counts = self._api, self._api.context.counts
        reloaded = api.last_reload()
        memory_mb = 0.0
        with contextlib.suppress(psutil.Error, OSError):
            if self._process is not None:
                memory_mb = self._process.memory_info().rss / 1e6
        return IocStatus(
            pid=os.getpid(),
            sswd=self._api.version,
            prefix=api.prefixes[0],
            file="" if api.file is None else str(api.file),
            started=api.started,
            uptime=time.monotonic() - api.started_s,
            memory=memory_mb,
            loop_lag=float(api.statistics.LOOP_LAG.value),
            clients=counts.connections,
            channels=counts.channels,
            monitors=counts.subscriptions,
            port=getattr(api.context, "port", 0) or 0,
            state_directory=state.folder,
            disk_free=state.free,
            disk_size=state.size,
            disk_holds=state.holds,
            disk_error=state.error,
            other_disks=list(others),
            access=api.access.file,
            unknown_hosts=api.access.unknown_hosts,
            forkserver=api.forkserver.pid,
            forkserver_error=api.forkserver.error,
            reload_error=reloaded.refusal,
            waits=list(reloaded.waits),
            files=troubles(),
        )


def _system(server: Server) -> SystemStatus:
    served, worker = server.served, server.WORKER
    state, phase = WorkerState.STOPPED.name, "NOT_SERVED"
    alarms: list[StandingAlarm] = []
    not_posted = 0
    if served is not None:
        state = served.supervisor.phase.state.name
        phase = served.supervisor.phase.name
        alarms, not_posted = _alarms(served, state)
    return SystemStatus(
        name=server.system_name,
        prefix=server.prefix,
        lock=lock_of(server).words,
        target=server.system or "",
        state=state,
        phase=phase,
        run=worker.RUN.value,
        restarts=worker.RESTARTS.value,
        pid=worker.PID.value,
        uptime=worker.UPTIME.value,
        stalled=_index(worker.STALLED) == 1,
        memory=worker.MEM.value,
        cpu=worker.CPU.value,
        running=_running(server, served),
        queue=server.QUEUE_LEN.value,
        link=str(worker.LINK.value),
        link_words=str(worker.LINK_ERROR.value),
        **_failures(worker, served),
        alarms=alarms,
        not_posted=not_posted,
        refused_posts=worker.REFUSED.value,
        is_frozen=_is_frozen(worker),
        refused_code=_refused_code(worker),
        save_error=str(worker.SAVE_ERROR.value),
    )


def _is_frozen(worker: WorkerStatus) -> bool:
    """Whether its process is stopped. Asked only of a worker that is silent."""
    if _index(worker.STALLED) != 1 or not worker.PID.value:
        return False
    stopped = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    with contextlib.suppress(psutil.Error, OSError):  # no /proc; it has ended
        return psutil.Process(worker.PID.value).status() in stopped
    return False


def _refused_code(worker: WorkerStatus) -> Failure | None:
    """The last failure, if it is that fresh code was refused, in this run."""
    failure = _failure(worker.LAST_ERROR)
    if failure is None or not failure.words.startswith(restart_refused("")):
        return None
    *_, began_s = ca.newest(worker.RUN)
    return failure if failure.at >= began_s else None


def _running(server: Server, served: ServedSystem | None) -> Running | None:
    command = None if served is None else served.dispatcher.running
    if command is None:
        return None
    return Running(
        id=command.id,
        words=words_of(command),
        seconds=command.ran_s(time.monotonic()),
        progress=_finite(server.PROGRESS.value),
    )


def _finite(number: float) -> float:
    """JSON has no NaN: msgspec writes null, which no client takes for a number."""
    return float(number) if math.isfinite(number) else 0.0


def _failures(
    worker: WorkerStatus, served: ServedSystem | None
) -> dict[str, Failure | None]:
    command = None
    if served is not None and (ended := served.dispatcher.last_failure) is not None:
        words = f"command {ended.id} {ended.pv} {ended.value}: {ended.error}"
        at = ended.at + ended.waited_s + ended.ran_s
        command = Failure(words=words, at=at, mend=mend_of(ended.error))
    return {
        "last_exit": _failure(worker.LAST_EXIT),
        "last_error": _failure(worker.LAST_ERROR),
        "last_command": command,
    }


def _failure(pv: Channel) -> Failure | None:
    words = str(pv.value).strip()
    if not words:
        return None
    *_, stamp_s = ca.newest(pv)
    return Failure(words=words[-WORDS:], at=stamp_s, mend=mend_of(words))


def _index(pv: Channel) -> int:
    return int(ca.newest(pv)[0])


def _alarms(served: ServedSystem, state: str) -> tuple[list[StandingAlarm], int]:
    """(alarms that stand, the gravest first; PVs not posted since the worker began).

    That a PV waits for its first post is no alarm to be told while the worker runs.
    """
    by_alarm: dict[tuple[Alarm, bool], list[str]] = {}
    not_posted = 0
    for pv in served.publisher.shown:
        held = pv.held
        if not held:
            continue
        if state == WorkerState.RUNNING.name and Source.WORKER_GONE in held:
            not_posted += 1
            continue
        alarm = shown_of(held)
        is_fault = pv.is_fault or alarm != held.get(Source.FAILED_COMMAND)
        by_alarm.setdefault((alarm, is_fault), []).append(pv.data.pvname)
    standing = [
        StandingAlarm(
            severity=Severity(alarm.severity).name,
            status=AlarmStatus(alarm.status).name,
            words=alarm.message,
            pvs=sorted(pvs)[:SHOWN_PVS],
            count=len(pvs),
            is_fault=is_fault,
        )
        for (alarm, is_fault), pvs in sorted(
            by_alarm.items(), key=lambda pair: -pair[0][0].severity
        )
    ]
    return standing, not_posted
