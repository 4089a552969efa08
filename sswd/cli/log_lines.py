"""`sswd logs` and `sswd level`: the log of a running daemon."""

import argparse
import contextlib
from datetime import datetime

import msgspec

from sswd.cli import daemon
from sswd.cli.commands import Commands, write
from sswd.cli.daemon import clean, columns
from sswd.control.protocol import LEVELS, Line, LoggerLevel, Logs, SetLevel
from sswd.exit_codes import CLEAN

_LOGS = """\
The daemon keeps its last 2000 events; where the log itself goes does not matter.

examples:
  sswd logs
  sswd logs -f --json | jq 'select(.level == "ERROR")'"""
_LEVEL = """\
Until the daemon ends. Without LEVEL: told. With --system: a logger in the worker, such
as the driver's own, in this run and those to come; so does `mylab.stage DEBUG` put to
the PV WORKER:LOG_LEVELS, and WORKER:LOG_LEVEL is for the root. NOTSET: as the logger
above it; of the root, as at the start. The events of all workers come from the logger
`sswd.worker` of the IOC. For good: `[log] levels` of the file.

examples:
  sswd level
  sswd level sswd.ioc.ca DEBUG
  sswd level --system stage mylab.stage DEBUG
  sswd level root WARNING"""
_PLAIN = ("time", "level", "logger", "message", "trace")


def add(commands: Commands) -> None:
    """Add both."""
    command = commands.add("logs", logs, "show the last lines of the log", _LOGS)
    command.add_argument(
        "-f", "--follow", action="store_true", help="and those to come, until Ctrl-C"
    )
    command.add_argument(
        "-n", "--last", type=int, default=50, metavar="N", help="so many; 50"
    )
    daemon.add_arguments(command)
    command = commands.add("level", level, "tell or set the level of a logger", _LEVEL)
    command.add_argument("logger", nargs="?", default="", metavar="LOGGER")
    command.add_argument("level", nargs="?", type=str.upper, choices=LEVELS)
    command.add_argument(
        "--system", default="", metavar="SYSTEM", help="in its worker; `all`: in all"
    )
    daemon.add_arguments(command)


def logs(args: argparse.Namespace) -> int:
    """Print them."""
    request = Logs(last=args.last, follow=args.follow)
    with contextlib.suppress(KeyboardInterrupt):
        for line in daemon.ask(args, request, None if args.follow else 5.0):
            if not isinstance(line, Line):
                continue
            if args.json:
                write(msgspec.json.encode(line.event).decode())
            else:
                write(_text(line.event))
    return CLEAN


def _text(event: dict[str, object]) -> str:
    """As the daemon's log in text: local time, fields in brackets, traceback below."""
    stamp = ""
    if isinstance(time := event.get("time"), str):
        moment = datetime.fromisoformat(time).astimezone()
        stamp = moment.isoformat(sep=" ", timespec="milliseconds")[:23]
    fields = " ".join(f"{k}={v}" for k, v in event.items() if k not in _PLAIN)
    text = f"{stamp} {event.get('level', ''):<7} {event.get('logger', 'sswd')}: "
    text += str(event.get("message", "")) + (f" [{fields}]" if fields else "")
    trace = str(event.get("trace", "")).splitlines()
    return "\n    ".join([clean(text), *map(clean, trace)])


def level(args: argparse.Namespace) -> int:
    """Set or tell it."""
    name = "" if args.logger == "root" and args.level else args.logger
    rows = []
    request = SetLevel(logger=name, level=args.level, system=args.system)
    for answer in daemon.ask(args, request):
        if not isinstance(answer, LoggerLevel):
            continue
        if args.json:
            daemon.write_json(answer)
        rows.append((clean(answer.logger), answer.level))
    if rows and not args.json:
        write("\n".join(columns(rows)))
    return CLEAN
