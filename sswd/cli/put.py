"""`sswd put`: a put to a PV of any IOC that tells how it ended."""

import argparse
import json
import sys

from sswd.cli import show
from sswd.cli.commands import Commands, write
from sswd.errors import NotFoundError, PutFailed, RemoteLost
from sswd.exit_codes import CLEAN

_MORE = """\
Waits until the IOC says that the put has ended, as long as that takes, and prints what
the PV holds then. Exits with 1 and the reason when it failed (of an sswd system, what
CMD_ERROR says), with 4 when the PV is not found. Ctrl-C ends the waiting only.

A single VALUE for an array of chars is a text. Several are the elements of an array,
as is one that is written [1, 2, 3]. Before a VALUE that starts with - and is no plain
number, write --.

examples:
  sswd put LAB:TARGET 2.5
  sswd put LAB:CMD "scan(0, 10, 11)" && sswd get LAB:values
  sswd put LAB:MODE fast
  sswd put --timeout 60 LAB:WAVE 1 2 3"""


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add("put", put, "put to a PV of any IOC, and wait", _MORE)
    command.add_argument("pv", metavar="PV", help="the PV's whole name")
    command.add_argument("value", nargs="+", metavar="VALUE", help="what to put")
    show.add_arguments(command)
    command.add_argument(
        "--timeout",
        type=float,
        metavar="S",
        help="fail when it has not ended then; no limit unless given",
    )


def put(args: argparse.Namespace) -> int:
    """Put and wait. Raises NotFoundError, PutFailed, RemoteLost."""
    import asyncio

    from sswd.ioc.client import ask

    waiting = ask.put(
        args.pv,
        args.value,
        wait_s=args.wait,
        timeout_s=args.timeout,
        as_number=args.number,
    )
    try:
        reading = asyncio.run(waiting)
    except KeyboardInterrupt:
        text = "not waiting any more; a put that was sent goes on in the IOC"
        sys.stderr.write(f"sswd: {args.pv}: {text}\n")
        raise
    except (NotFoundError, PutFailed, RemoteLost) as error:
        if args.json:
            write(json.dumps({"pv": args.pv, "error": str(error)}, ensure_ascii=False))
        raise
    write(show.line(args.pv, reading, args))
    return CLEAN
