"""`sswd expand`."""

import argparse
import shutil
import sys

from sswd.cli.commands import Commands, write
from sswd.exit_codes import CLEAN, UNEXPECTED
from sswd.sizes import VALUES_ELEMENTS

_MORE = """\
On a terminal with a plot; into a pipe one point a line. A refused text exits with 1.

example:
  sswd expand 'linear(0, 10, 1)'"""


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add(
        "expand", expand, "show the points that a command text means", _MORE
    )
    command.add_argument("text", help="a text as for CMD of a sequence system")
    command.add_argument(
        "--limit",
        type=int,
        default=VALUES_ELEMENTS,
        metavar="N",
        help=f"refuse more points than this; {VALUES_ELEMENTS}, as `values` holds",
    )


def expand(args: argparse.Namespace) -> int:
    """Print the points, or what is wrong with the text on standard error."""
    from sswd.sequence import GrammarError
    from sswd.sequence import command as sequence

    width = shutil.get_terminal_size().columns
    tty = sys.stdout.isatty()
    try:
        text = sequence.expand(args.text, limit=args.limit, tty=tty, width=width)
    except GrammarError as error:
        sys.stderr.write(f"{sequence.complaint(args.text, error, width=width)}\n")
        return UNEXPECTED
    write(text)
    return CLEAN
