"""`sswd top`: the status of a daemon and its last commands, live."""

import argparse
import contextlib
import itertools
import time
from collections.abc import Iterator

import msgspec

from sswd.cli import daemon, status
from sswd.cli.commands import Commands, write
from sswd.cli.daemon import clean, span
from sswd.control.protocol import Commands as AskCommands
from sswd.control.protocol import Entry, GetStatus, Told
from sswd.control.status import Status
from sswd.errors import ConfigError
from sswd.exit_codes import CLEAN

_MORE = """\
Until Ctrl-C. Needs the extra `cli`, but for --json: pip install 'sswd[cli]'.

examples:
  sswd top --period 0.5
  sswd top --period 60 --json >> stage.jsonl"""
_LAST = 8
"""Commands that are shown."""


class Look(msgspec.Struct, frozen=True):
    """One look, as `--json` prints it."""

    status: Status
    commands: list[Entry]
    """The last ones, the oldest first."""


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
    with contextlib.suppress(KeyboardInterrupt):
        if args.json:
            for look in _looks(args):
                write(msgspec.json.encode(look).decode())
        else:
            _show(args)
    return CLEAN


def _show(args: argparse.Namespace) -> None:
    try:
        from rich.live import Live
        from rich.text import Text
    except ImportError:
        words = "sswd top needs rich: pip install 'sswd[cli]'"
        raise ConfigError(words) from None
    looks = _looks(args)
    first = next(looks, None)  # what goes wrong at once is told on the screen itself
    if first is None:
        return
    with Live(screen=args.count is None, auto_refresh=False) as live:
        for look in itertools.chain([first], looks):
            live.update(Text("\n".join(_lines(look))), refresh=True)


def _looks(args: argparse.Namespace) -> Iterator[Look]:
    """One after each period, on a connection of its own: the daemon drops who says
    nothing for a minute."""
    for number in itertools.count() if args.count is None else range(args.count):
        if number:
            time.sleep(max(0.05, args.period))
        with daemon.connect(args) as connection:
            [told] = [a for a in connection.ask(GetStatus()) if isinstance(a, Told)]
            answers = connection.ask(AskCommands(last=_LAST))
            entries = [answer for answer in answers if isinstance(answer, Entry)]
        yield Look(told.status, entries)


def _lines(look: Look) -> Iterator[str]:
    yield from status.lines(look.status)
    if look.commands:
        yield "\nlast commands"
    for entry in reversed(look.commands):
        ago = span(time.time() - entry.at)
        yield clean(
            f"  {ago} ago  {entry.system} {entry.id} {entry.pv} {entry.value} by "
            f"{entry.who or 'the IOC'}: {entry.state} {entry.error}"
        )
