"""`sswd status`: how a daemon fares, on one screen."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from sswd.cli import daemon
from sswd.cli.commands import Commands, write
from sswd.cli.daemon import clean, span
from sswd.control.finding import alive
from sswd.control.protocol import GetStatus, Told
from sswd.control.status import Failure, IocStatus, Status, SystemStatus
from sswd.exit_codes import CLEAN, WRONG

_MORE = """\
What is wrong comes last, each with what to do about it. Exits with 0 when all is well,
3 when something is wrong, 4 when there is no such daemon. With --alive only a daemon
that does not answer is wrong: for probes, which must not end an IOC because of its
worker.

examples:
  sswd status
  sswd status stage.toml
  sswd status --prefix LAB: --json | jq .wrong"""
_WORDS = 300
"""Characters of a failure that are shown."""


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add("status", status, "tell how a running daemon fares", _MORE)
    command.add_argument(
        "what", nargs="?", type=Path, metavar="FILE.toml", help="as --file"
    )
    daemon.add_arguments(command)
    command.add_argument(
        "--alive",
        action="store_true",
        help="only whether the IOC answers, whatever its workers do",
    )


def status(args: argparse.Namespace) -> int:
    """Print it; CLEAN or WRONG."""
    args.file = args.what or args.file
    if args.alive:
        write(f"the IOC answers (pid {alive(args.prefix, args.file)})")
        return CLEAN
    found = ask(args)
    if args.json:
        daemon.write_json(found)
    else:
        write("\n".join(lines(found)))
    return WRONG if found.wrong else CLEAN


def ask(args: argparse.Namespace) -> Status:
    """The status of the daemon that is meant. Raises as daemon.ask."""
    [told] = [a for a in daemon.ask(args, GetStatus()) if isinstance(a, Told)]
    return told.status


def lines(found: Status) -> Iterator[str]:
    """The status as text."""
    told = [wrong.mend for wrong in found.wrong]
    yield from _ioc(found.ioc)
    for system in found.systems:
        yield ""
        yield from _system(system, told)
    yield ""
    if not found.wrong:
        yield "All is well."
    for wrong in found.wrong:
        yield clean(f"WRONG  {wrong.where}: {wrong.words}")
        if wrong.mend:
            yield clean(f"  do:  {wrong.mend}")


def _ioc(ioc: IocStatus) -> Iterator[str]:
    yield clean(f"sswd {ioc.sswd}  {ioc.prefix or '(no prefix)'}  {ioc.file}")
    yield (
        f"  IOC      up {span(ioc.uptime)}, pid {ioc.pid}, {ioc.memory:.0f} MB, "
        f"loop late by {ioc.loop_lag * 1e3:.1f} ms at most"
    )
    yield (
        f"  clients  {ioc.clients} on port {ioc.port}, {ioc.channels} channels, "
        f"{ioc.monitors} monitors"
    )
    yield clean(f"  disk     {_free(ioc.disk_free)} for {ioc.state_directory}")
    for disk in ioc.other_disks:
        yield clean(f"           {_free(disk.free)} for {disk.folder}: {disk.holds}")
    if ioc.waits:
        yield clean(f"  waits    for a restart of the daemon: {', '.join(ioc.waits)}")
    if ioc.forkserver:
        yield f"  forks    by pid {ioc.forkserver}"


def _system(system: SystemStatus, told: list[str]) -> Iterator[str]:
    """`told`: what to do, as it is told at the end."""
    yield clean(f"system {system.name}  {system.prefix}  {system.target}")
    yield f"  worker   {_worker(system)}"
    yield clean(f"  command  {_command(system)}")
    link = f"{system.link}  {system.link_words}" if system.link_words else system.link
    yield clean(f"  link     {link}")
    if system.lock:
        yield clean(f"  lock     {system.lock}")
    for name, failure in (
        ("exit", system.last_exit),
        ("error", system.last_error),
        ("failed", system.last_command),
    ):
        if failure is not None:
            yield from _failure(name, failure)
            if failure.mend and not any(failure.mend in mend for mend in told):
                yield f"           do: {failure.mend}"
    yield from _alarms(system)


def _worker(system: SystemStatus) -> str:
    words = f"{system.state}  run {system.run}"
    if system.state == "RUNNING":
        words += f" for {span(system.uptime)}, pid {system.pid}, "
        words += f"{system.memory:.0f} MB, CPU {system.cpu:.0f} %"
    if system.stalled:
        words += ", STALLED"
    if system.refused_posts:
        words += f", {system.refused_posts} posts refused"
    return words


def _command(system: SystemStatus) -> str:
    waiting = f", {system.queue} wait" if system.queue else ""
    running = system.running
    if running is None:
        return f"none runs{waiting}"
    done = f", {running.progress:.0%} done" if running.progress else ""
    return f"{running.words} for {span(running.seconds)}{done}{waiting}"


def _failure(name: str, failure: Failure) -> Iterator[str]:
    text = failure.words.strip().splitlines()[-1][:_WORDS]
    yield clean(f"  {name:<7}  {span(time.time() - failure.at)} ago: {text}")


def _alarms(system: SystemStatus) -> Iterator[str]:
    for i, alarm in enumerate(system.alarms):
        more = f" and {alarm.count - len(alarm.pvs)} more"
        names = ", ".join(alarm.pvs) + (more if alarm.count > len(alarm.pvs) else "")
        words = f" ({alarm.words})" if alarm.words else ""
        label = "" if i else "alarms"
        yield clean(f"  {label:<7}  {alarm.severity}/{alarm.status} {names}{words}")
    if system.not_posted:
        label = "" if system.alarms else "alarms"
        yield f"  {label:<7}  {system.not_posted} PVs not posted since the worker began"


def _free(megabytes: float | None) -> str:
    return "no answer" if megabytes is None else f"{_size(megabytes)} free"


def _size(megabytes: float) -> str:
    return f"{megabytes / 1e3:.1f} GB" if megabytes >= 1e4 else f"{megabytes:.0f} MB"
