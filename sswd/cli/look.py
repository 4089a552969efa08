"""`sswd clients`, `commands`, `stack`: what happens in a daemon."""

import argparse
import os
import signal
from datetime import UTC, datetime

import msgspec

from sswd.cli import daemon
from sswd.cli.commands import Commands, write
from sswd.cli.daemon import clean, columns, span
from sswd.control.client import SilentError
from sswd.control.protocol import Client, Clients, Close, Entry, Stack, Stacks
from sswd.control.protocol import Commands as AskCommands
from sswd.exit_codes import CLEAN

_CLIENTS = """\
Those of Channel Access, who came first first: host and user as they name themselves,
channels, monitors, bytes that they have not read, their last put. A client whose unsent
bytes stay does not read; --close ends its connection, and it may come again.

examples:
  sswd clients
  sswd clients --close 10.0.0.7:41234"""
_COMMANDS = """\
The last of each system, with the one that runs and those that wait: who put it, when,
how long it waited and ran, how it ended.

examples:
  sswd commands
  sswd commands stage --last 5 --json"""
_STACK = """\
Where every thread is, of the IOC and of the workers; also while a worker holds the GIL
in C code: then only of the thread that does.

example:
  sswd stack stage"""


def add(commands: Commands) -> None:
    """Add all three."""
    command = commands.add("clients", clients, "list who is connected", _CLIENTS)
    command.add_argument(
        "--close", metavar="ID", help="hang up on this one: host:port, as listed"
    )
    daemon.add_arguments(command)
    command = commands.add("commands", ledger, "list the last commands", _COMMANDS)
    _add_system(command)
    command.add_argument(
        "--last", type=int, default=20, metavar="N", help="so many; 20"
    )
    daemon.add_arguments(command)
    command = commands.add("stack", stack, "show where all threads are", _STACK)
    _add_system(command)
    daemon.add_arguments(command)


def _add_system(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "system",
        nargs="?",
        default="",
        metavar="SYSTEM",
        help="its name in the configuration; all",
    )


def clients(args: argparse.Namespace) -> int:
    """List them, or close one."""
    if args.close:
        list(daemon.ask(args, Close(client=args.close)))
        if args.json:
            write(msgspec.json.encode({"closed": args.close}).decode())
        return CLEAN
    rows: list[tuple[str, ...]] = [
        ("ID", "HOST", "USER", "CHANNELS", "MONITORS", "UNSENT", "FOR", "LAST PUT")
    ]
    for client in daemon.ask(args, Clients()):
        if not isinstance(client, Client):
            continue
        if args.json:
            daemon.write_json(client)
        rows.append(_row(client))
    if not args.json:
        write("\n".join(columns(rows)))
    return CLEAN


def _row(client: Client) -> tuple[str, ...]:
    put = ""
    if client.last_put_ago is not None:
        put = f"{client.last_put} {span(client.last_put_ago)} ago"
    told = (
        client.id,
        client.host,
        client.user,
        str(client.channels),
        str(client.monitors),
        str(client.unsent_bytes),
        span(client.connected_for),
        put,
    )
    return tuple(map(clean, told))


def ledger(args: argparse.Namespace) -> int:
    """List the last commands."""
    rows: list[tuple[str, ...]] = [
        ("WHEN", "SYSTEM", "ID", "PV", "VALUE", "WHO", "WAITED", "RAN", "FATE")
    ]
    request = AskCommands(system=args.system, last=args.last)
    for entry in daemon.ask(args, request):
        if not isinstance(entry, Entry):
            continue
        if args.json:
            daemon.write_json(entry)
        when = datetime.fromtimestamp(entry.at, UTC).astimezone()
        told = (
            when.isoformat(sep=" ", timespec="seconds")[:19],
            entry.system,
            str(entry.id),
            entry.pv,
            entry.value,
            entry.who or "the IOC",
            span(entry.waited),
            span(entry.ran),
            f"{entry.state} {entry.error}".rstrip(),
        )
        rows.append(tuple(map(clean, told)))
    if not args.json:
        write("\n".join(columns(rows)))
    return CLEAN


def stack(args: argparse.Namespace) -> int:
    """Print the stacks; have a daemon that does not answer write them into its log."""
    try:
        return _stack(args)
    except SilentError as silent:
        if not silent.pid:  # 0: a process of another container
            raise
        try:
            os.kill(silent.pid, signal.SIGUSR1)
        except OSError as ex:
            words = f"{silent}; it cannot be told to write its stacks: {ex.strerror}"
            raise SilentError(words, silent.pid) from ex
        words = f"{silent}; SIGUSR1 was sent: its stacks come into its log"
        raise SilentError(words, silent.pid) from silent


def _stack(args: argparse.Namespace) -> int:
    for stacks in daemon.ask(args, Stack(system=args.system), timeout_s=10.0):
        if not isinstance(stacks, Stacks):
            continue
        if args.json:
            daemon.write_json(stacks)
        else:
            write(f"{stacks.of}:")
            write("\n".join(clean(line) for line in stacks.text.splitlines()))
    return CLEAN
