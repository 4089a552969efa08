"""`sswd restart`, `start`, `stop`, `abort`, `reload`: orders for systems."""

import argparse
import functools
import time
from typing import get_args

import msgspec

from sswd.cli import daemon
from sswd.cli.commands import Commands, write
from sswd.cli.daemon import clean, span
from sswd.control import protocol
from sswd.control.client import ANSWER_S, AskError, Connection, SilentError
from sswd.control.outcome import Outcome, Verb, outcome
from sswd.control.protocol import End, GetStatus, Told
from sswd.control.status import Status, SystemStatus
from sswd.exit_codes import CLEAN, UNEXPECTED

_ABOUT: dict[Verb, str] = {
    "restart": "stop a worker and start a new one, with fresh code",
    "start": "start a worker",
    "stop": "stop a worker and keep it stopped",
    "abort": "end the command that runs, reject those that wait",
    "reload": "take configuration and code anew, as SIGHUP does; all workers restart, "
    "unless only access rules have changed",
}
_MORE = """\
Waits until it has happened; exits with 1 when it fails.

examples:
  sswd {verb}
  sswd {verb}{stage} --prefix LAB:"""
_REQUESTS: dict[Verb, type[protocol.OnSystem]] = {
    "restart": protocol.Restart,
    "start": protocol.Start,
    "stop": protocol.Stop,
    "abort": protocol.Abort,
}
_LOOK_S = 0.1


def add(commands: Commands) -> None:
    """Add all of them."""
    for verb in get_args(Verb):
        command = commands.add(
            verb,
            functools.partial(operate, verb),
            _ABOUT[verb],
            _MORE.format(verb=verb, stage="" if verb == "reload" else " stage"),
        )
        if verb != "reload":
            _add_system(command)
        command.add_argument(
            "--timeout",
            type=float,
            default=60.0,
            metavar="S",
            help="wait so long; 60 s, 0: not at all",
        )
        command.set_defaults(system="")
        daemon.add_arguments(command)


def _add_system(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "system",
        nargs="?",
        default="",
        metavar="SYSTEM",
        help="its name in the configuration, or `all`; may be left out where there is "
        "one",
    )


def operate(verb: Verb, args: argparse.Namespace) -> int:
    """Order it and wait for what becomes of it."""
    until_s = time.monotonic() + args.timeout
    with daemon.connect(args) as connection:
        before = _status(connection)
        answer = _order(connection, verb, args)
        _tell_waits(args, answer.waits)
        words = answer.words
        meant = [s for s in before.systems if _is_meant(s, args.system)]
        if args.timeout <= 0:
            words = words or "ordered; not waited for"
        if words:
            ends = {s.name: Outcome(True, words) for s in meant}
        else:
            ends = _wait(connection, verb, meant, until_s)
    for name, end in ends.items():
        if args.json:
            told = {"system": name, "good": end.is_good, "words": end.words}
            write(msgspec.json.encode(told).decode())
        else:
            write(clean(f"{name}: {end.words}"))
    return CLEAN if all(end.is_good for end in ends.values()) else UNEXPECTED


def _order(connection: Connection, verb: Verb, args: argparse.Namespace) -> End:
    """What the daemon says to it; no words: it has begun.

    A reload is answered when the file is read, which may take. Raises AskError.
    """
    may_take_s = ANSWER_S
    if verb == "reload" and args.timeout > 0:
        may_take_s = args.timeout
    try:
        *_, end = connection.ask(_request(verb, args.system), may_take_s)
    except SilentError as ex:
        if verb != "reload":
            raise
        words = f"the file is not read after {may_take_s:g} s; the reload goes on"
        raise AskError(words, "failed") from ex
    return end if isinstance(end, End) else End()


def _tell_waits(args: argparse.Namespace, keys: list[str]) -> None:
    """What a reload could not change."""
    if not keys:
        return
    if args.json:
        write(msgspec.json.encode({"waits": keys}).decode())
    else:
        write(clean(f"waits for a restart of the daemon: {', '.join(keys)}"))


def _request(verb: Verb, system: str) -> protocol.Request:
    if verb == "reload":
        return protocol.Reload()
    return _REQUESTS[verb](system=system)


def _is_meant(system: SystemStatus, name: str) -> bool:
    return name in ("", "all", system.name)


def _wait(
    connection: Connection, verb: Verb, before: list[SystemStatus], until_s: float
) -> dict[str, Outcome]:
    begun_s = time.monotonic()
    ends: dict[str, Outcome] = {}
    while True:
        now = {system.name: system for system in _status(connection).systems}
        for system in before:
            end = outcome(verb, system, now[system.name])
            if system.name not in ends and end is not None:
                ends[system.name] = end
        left = [system.name for system in before if system.name not in ends]
        if not left:
            return ends
        if time.monotonic() > until_s:
            waited = span(time.monotonic() - begun_s)
            words = f"{{}} after {waited} still; `sswd status` tells more"
            late = {n: Outcome(False, words.format(now[n].state)) for n in left}
            return ends | late
        time.sleep(_LOOK_S)


def _status(connection: Connection) -> Status:
    [told] = [a for a in connection.ask(GetStatus()) if isinstance(a, Told)]
    return told.status
