"""`sswd call` and `sswd watch`: PVs of a daemon without Channel Access."""

import argparse
import math
from datetime import UTC, datetime

from sswd.cli import daemon
from sswd.cli.commands import Commands, write
from sswd.cli.daemon import clean
from sswd.control.client import AskError, SilentError
from sswd.control.protocol import Call, End, Get, Request, Scalar, Value, Watch
from sswd.exit_codes import CLEAN

_CALL = """\
Goes through the control socket, also where Channel Access is firewalled. Exits with 1
when the put or the command that it makes fails; its words are printed.

A single VALUE for an array of chars is a text. Several are the elements of an array,
as is one that is written [1, 2, 3]. Before a VALUE that starts with - and is no plain
number, write --.

examples:
  sswd call LAB:STAGE1:CMD 'move(3.5)'
  sswd call LAB:STAGE1:VELOCITY 2.5
  sswd call LAB:STAGE1:POINTS 1 2 3"""
_WATCH = """\
Goes through the control socket. One line a change: time, PV, value, severity and
status, words of the alarm. Ctrl-C ends it.

examples:
  sswd watch LAB:STAGE1:POSITION LAB:STAGE1:CMD_STATE
  sswd watch --once --json LAB:STAGE1:POSITION"""


def add(commands: Commands) -> None:
    """Add both."""
    command = commands.add("call", call, "put a value, wait, tell what failed", _CALL)
    command.add_argument("pv", metavar="PV", help="its whole name")
    command.add_argument(
        "value", metavar="VALUE", nargs="+", help="several: elements of an array"
    )
    command.add_argument(
        "--timeout", type=float, metavar="S", help="wait so long; no limit"
    )
    daemon.add_arguments(command)
    command = commands.add("watch", watch, "follow PVs of a daemon", _WATCH)
    command.add_argument("pvs", metavar="PV", nargs="+", help="whole names")
    command.add_argument(
        "--once", action="store_true", help="print the values of now, and end"
    )
    command.add_argument(
        "--elements",
        type=int,
        default=20,
        metavar="N",
        help="elements of an array that are shown; 20, at most 10000",
    )
    daemon.add_arguments(command)


def call(args: argparse.Namespace) -> int:
    """Put it; the exit code. Raises AskError in the words of what failed."""
    texts: list[str] = args.value
    value: Scalar | list[Scalar] = (
        texts[0] if len(texts) == 1 else [_number(text) for text in texts]
    )
    with daemon.connect(args) as connection:
        try:
            *_, end = connection.ask(Call(pv=args.pv, value=value), args.timeout)
        except SilentError:  # it has just said who it is
            raise AskError(
                f"the put has not ended after {args.timeout:g} s; it goes on", "failed"
            ) from None
    if isinstance(end, End) and end.words:
        if args.json:
            daemon.write_json(end)
        else:
            write(clean(end.words))
    return CLEAN


def _number(text: str) -> Scalar:
    """A number; what JSON has no number for (nan, inf) stays the text of one."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def watch(args: argparse.Namespace) -> int:
    """Print changes until Ctrl-C."""
    kind: type[Get] = Get if args.once else Watch
    request: Request = kind(pvs=args.pvs, elements=args.elements)
    try:
        for answer in daemon.ask(args, request, timeout_s=5.0 if args.once else None):
            if isinstance(answer, Value):
                if args.json:
                    daemon.write_json(answer)
                else:
                    write(clean(_line(answer)))
    except KeyboardInterrupt:
        if args.once:
            raise
    return CLEAN


def _line(value: Value) -> str:
    stamp = datetime.fromtimestamp(value.time, UTC).astimezone()
    told = [
        stamp.isoformat(sep=" ", timespec="milliseconds")[:23],
        value.pv,
        _text(value),
        value.units,
    ]
    if value.severity != "NO_ALARM":
        told.append(f"{value.severity}/{value.status} {value.message}".rstrip())
    return "  ".join(filter(None, told))


def _text(value: Value) -> str:
    if not isinstance(value.value, list):
        return str(value.value) if value.value != "" else '""'
    more = ", ..." if value.count > len(value.value) else ""
    return f"[{', '.join(map(str, value.value))}{more}] ({value.count})"
