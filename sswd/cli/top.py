"""`sswd top`: the status of a daemon and its last commands, live."""

import argparse
import contextlib
import itertools
import time
from collections.abc import Iterator

from sswd.cli import daemon, status
from sswd.cli.commands import Commands
from sswd.cli.daemon import clean, span
from sswd.control.client import Connection
from sswd.control.protocol import Commands as AskCommands
from sswd.control.protocol import Entry, GetStatus, Told
from sswd.errors import ConfigError
from sswd.exit_codes import CLEAN

_MORE = """\
Until Ctrl-C. Needs the extra `cli`: pip install 'sswd[cli]'.

example:
  sswd top --period 0.5"""
_LAST = 8
"""Commands that are shown."""


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add("top", top, "watch how a running daemon fares", _MORE)
    command.add_argument(
        "--period", type=float, default=1.0, metavar="S", help="between two looks; 1 s"
    )
    command.add_argument(
        "--count", type=int, metavar="N", help="so many looks; no limit"
    )
    daemon.add_arguments(command)


def top(args: argparse.Namespace) -> int:
    """Show it again and again. Raises ConfigError without rich."""
    try:
        from rich.live import Live
        from rich.text import Text
    except ImportError:
        words = "sswd top needs rich: pip install 'sswd[cli]'"
        raise ConfigError(words) from None
    looks = itertools.count() if args.count is None else range(args.count)
    with (
        contextlib.suppress(KeyboardInterrupt),
        daemon.connect(args) as connection,
        Live(screen=args.count is None, auto_refresh=False) as live,
    ):
        for look in looks:
            if look:
                time.sleep(max(0.05, args.period))
            live.update(Text("\n".join(_lines(connection))), refresh=True)
    return CLEAN


def _lines(connection: Connection) -> Iterator[str]:
    [told] = [a for a in connection.ask(GetStatus()) if isinstance(a, Told)]
    yield from status.lines(told.status)
    answers = connection.ask(AskCommands(last=_LAST))
    entries = [answer for answer in answers if isinstance(answer, Entry)]
    if entries:
        yield "\nlast commands"
    for entry in reversed(entries):
        ago = span(time.time() - entry.at)
        yield clean(
            f"  {ago} ago  {entry.system} {entry.id} {entry.pv} {entry.value} by "
            f"{entry.who or 'the IOC'}: {entry.state} {entry.error}"
        )
