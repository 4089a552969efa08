"""What of a status is not well, and what to do about it. Pure."""

from collections.abc import Iterator, Sequence

from sswd.control.mends import mend_of
from sswd.control.status import Disk, IocStatus, SystemStatus, Wrong
from sswd.log_file import MEND

FULL_MB, FULL_PART = 50.0, 0.1
"""A disk is full where less is left, and less than that part of it: a small one may
be meant for setpoints alone."""
SLOW_S = 0.5
GRAVE = ("INVALID", "MAJOR")
LONG_START_S = 10.0
_MEND_OF_ALARM = {
    "WRITE": "`sswd commands` shows who put what; correct it or the instrument, and "
    "put it again",
    "READ": "look at the instrument, and at the method of the driver that reads it",
    "LINK": "look at the other PV: `sswd doctor` says why it is not seen",
}
"""Where its words say nothing to do."""


def findings(ioc: IocStatus, systems: Sequence[SystemStatus]) -> list[Wrong]:
    """Empty: all is well."""
    found = [Wrong(where="IOC", words=words, mend=mend) for words, mend in _of_ioc(ioc)]
    for system in systems:
        found += [
            Wrong(where=system.name, words=words, mend=mend)
            for words, mend in _of_system(system)
        ]
    return found


def _of_ioc(ioc: IocStatus) -> Iterator[tuple[str, str]]:
    state = Disk(
        folder=ioc.state_directory,
        holds=ioc.disk_holds,
        free=ioc.disk_free,
        size=ioc.disk_size,
        error=ioc.disk_error,
    )
    for disk in (state, *ioc.other_disks):
        if disk.free is None:
            yield (
                f"the disk of {disk.folder} {disk.error or 'does not answer'}",
                f"look at the mount (NFS?); {disk.holds}: not kept meanwhile",
            )
        elif _is_full(disk.free, disk.size):
            yield (
                f"the disk of {disk.folder} is full: {disk.free:.0f} MB are left",
                f"free space there, for {disk.holds}",
            )
    for words in ioc.files:
        yield words, mend_of(words) or MEND
    if ioc.unknown_hosts:
        names = ", ".join(ioc.unknown_hosts[:3])
        names += ", ..." if len(ioc.unknown_hosts) > 3 else ""
        yield (
            f"no address of {names} in a HAG: no client is taken for it",
            f"look at DNS and /etc/hosts, or correct {ioc.access}; sswd asks again",
        )
    if ioc.reload_error:
        yield ioc.reload_error, "correct it (`sswd check` reads it), then `sswd reload`"
    if ioc.forkserver_error:
        yield (
            f"the fork server does not fork: {ioc.forkserver_error}",
            "workers are spawned instead, which takes longer; `sswd logs` says more",
        )
    if ioc.loop_lag > SLOW_S:
        yield (
            f"the IOC was late by {ioc.loop_lag:.2g} s in the last second",
            "the host is overloaded, or a putter of a group blocks: `sswd stack`",
        )


def _is_full(free: float, size: float | None) -> bool:
    return free < FULL_MB and (size is None or free < FULL_PART * size)


def _of_system(system: SystemStatus) -> Iterator[tuple[str, str]]:
    yield from _of_worker(system)
    if system.save_error:
        yield system.save_error, mend_of(system.save_error) or MEND
    if system.state != "RUNNING":
        return  # the alarms follow from that
    if system.stalled:
        yield _silence(system)
    if system.refused_code is not None:
        yield (
            f"{system.refused_code.words}; the former code goes on",
            system.refused_code.mend or "correct the code, then `sswd restart`",
        )
    if system.link in ("FAILING", "LOST"):
        words = system.link_words or "the instrument does not answer"
        yield (
            f"the link is {system.link}: {words}",
            mend_of(words) or "look at the instrument; sswd connects again by itself",
        )
    for alarm in system.alarms:
        is_new = alarm.is_fault and not _is_told(system, alarm.status)
        if alarm.severity in GRAVE and is_new:
            names = ", ".join(alarm.pvs[:3]) + (", ..." if alarm.count > 3 else "")
            words = f"{alarm.severity}/{alarm.status} on {names}"
            yield (
                f"{words}: {alarm.words}" if alarm.words else words,
                mend_of(alarm.words) or _MEND_OF_ALARM.get(alarm.status, ""),
            )


def _silence(system: SystemStatus) -> tuple[str, str]:
    during = "" if system.running is None else f" during {system.running.words}"
    words = f"the worker is silent{during}"
    if system.is_frozen:
        return (
            f"{words}: somebody stopped its process (SIGSTOP, or a debugger)",
            f"`kill -CONT {system.pid}` lets it go on; `sswd restart` starts another",
        )
    return (
        f"{words}: its GIL is held, or it is stopped",
        "`sswd stack` shows where; `sswd restart` ends it",
    )


def _is_told(system: SystemStatus, status: str) -> bool:
    """Whether the alarm follows from what was told already."""
    return (system.stalled and status == "TIMEOUT") or (
        system.link in ("FAILING", "LOST") and status == "COMM"
    )


def _of_worker(system: SystemStatus) -> Iterator[tuple[str, str]]:
    words, mend = _cause(system)
    match system.state:
        case "BACKOFF":
            yield (
                f"the worker died and is to be started again: {words}",
                mend or "`sswd logs` has more; `sswd restart` starts it at once",
            )
        case "FATAL":
            yield (
                f"the worker died too often and is given up: {words}",
                f"{mend}; then `sswd restart`" if mend else "mend it, `sswd restart`",
            )
        case "STOPPED":
            yield "the worker is stopped", "`sswd start`"
        case "STOPPING":
            yield "the worker is stopping", "wait, at most 8 s"
        case "STARTING" if system.restarts and words:
            yield (
                f"the worker starts again: {words}",
                mend or "wait; if it dies again: `sswd logs` has the traceback",
            )
        case "STARTING":
            yield (
                "the worker starts",
                "wait; if it takes long: `sswd stack` shows where it waits",
            )
        case _:
            pass


def _cause(system: SystemStatus) -> tuple[str, str]:
    """How the last run ended, and the mend."""
    ends = [e for e in (system.last_exit, system.last_error) if e is not None]
    if not ends:
        return "", ""
    words = ends[0].words if system.last_exit else ends[0].words.splitlines()[-1]
    mends = [end.mend for end in ends if end.mend]
    return words, mends[-1] if mends else ""
