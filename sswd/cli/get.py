"""`sswd get` and `sswd monitor`: values of PVs of any IOC."""

import argparse
import functools
import sys
from typing import TYPE_CHECKING

from sswd.cli import show
from sswd.cli.commands import Commands, write
from sswd.errors import NotFoundError, RemoteLost
from sswd.exit_codes import CLEAN, NOT_FOUND, UNEXPECTED

if TYPE_CHECKING:
    import asyncio

    from sswd.ioc.client.reading import Reading

AT_ONCE = 50
"""PVs that are asked for at the same time, each on a circuit of its own."""
_GET = """\
Texts are printed as text, enums by name. Exits with 4 if a PV is not found, 1 if one
cannot be read. Where Channel Access is firewalled: `sswd watch --once`.

examples:
  sswd get LAB:POSITION LAB:CMD_STATE
  sswd get -l LAB:values
  sswd get --json LAB:POSITION | jq .value"""
_MONITOR = """\
Prints the value now and each change of value or alarm, until Ctrl-C or --count. A PV
whose server goes is said to be lost, and searched for ever.

example:
  sswd monitor -l LAB:POSITION LAB:WORKER:STATE"""


def add(commands: Commands) -> None:
    """Add both commands."""
    for command in (
        commands.add("get", get, "read PVs of any IOC", _GET),
        commands.add("monitor", monitor, "follow PVs of any IOC", _MONITOR),
    ):
        command.add_argument("pv", nargs="+", metavar="PV", help="a PV's whole name")
        show.add_arguments(command)
    command.add_argument(
        "--count", type=int, metavar="N", help="end after N values in all"
    )


def get(args: argparse.Namespace) -> int:
    """Print the values, in the order of the names."""
    import asyncio

    return asyncio.run(_get_all(args))


async def _get_all(args: argparse.Namespace) -> int:
    import asyncio

    room = asyncio.Semaphore(AT_ONCE)
    tasks = [asyncio.ensure_future(_get(name, args, room)) for name in args.pv]
    worst = CLEAN
    for task in tasks:
        code, text = await task
        worst = max(worst, code)
        if code == CLEAN or args.json:
            write(text)
        else:
            sys.stderr.write(f"{text}\n")
    return worst


async def _get(
    name: str, args: argparse.Namespace, room: "asyncio.Semaphore"
) -> tuple[int, str]:
    from sswd.ioc.client import ask

    async with room:
        try:
            reading = await ask.get(name, args.wait, as_number=args.number)
        except NotFoundError as error:
            return NOT_FOUND, show.problem(name, str(error), args)
        except RemoteLost as error:
            return UNEXPECTED, show.problem(name, str(error), args)
    return CLEAN, show.line(name, reading, args)


def monitor(args: argparse.Namespace) -> int:
    """Print the values as they come."""
    import asyncio

    return asyncio.run(_monitor(args))


async def _monitor(args: argparse.Namespace) -> int:
    import asyncio

    from sswd.ioc.client.watch import Watch

    loop = asyncio.get_running_loop()
    printer = _Printer(args, loop.create_future())
    watches = [
        Watch(
            name,
            functools.partial(printer.reading, name),
            functools.partial(printer.connection, name),
            as_number=args.number,
        )
        for name in args.pv
    ]
    for watch in watches:
        watch.start()
    telling = loop.call_later(args.wait, printer.tell_missing)
    try:
        await printer.is_over
    finally:
        telling.cancel()
        await asyncio.gather(*(watch.close() for watch in watches))
    return CLEAN


class _Printer:
    """Prints what monitors bring; on the loop.

    `is_over` is done after `--count` values, or fails when nobody reads any more.
    """

    def __init__(
        self, args: argparse.Namespace, is_over: "asyncio.Future[None]"
    ) -> None:
        self._args = args
        self._left: int | None = args.count
        self._missing = dict.fromkeys(args.pv)
        self.is_over = is_over

    def reading(self, name: str, reading: "Reading") -> None:
        """A value has come."""
        if self.is_over.done():
            return
        self._print(show.line(name, reading, self._args))
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self.is_over.set_result(None)

    def connection(self, name: str, is_connected: bool, words: str) -> None:
        """A PV was found, or lost."""
        self._missing.pop(name, None)
        if not is_connected:
            self._tell(name, f"{name}: lost: {words}; it is searched for")

    def tell_missing(self) -> None:
        """Say which PVs were not found yet."""
        from sswd.ioc.client.open_channel import not_found_words

        for name in self._missing:
            words = not_found_words(name, self._args.wait)
            self._tell(name, f"{words}; the search goes on")

    def _tell(self, name: str, words: str) -> None:
        text = show.problem(name, words, self._args)
        if self._args.json:
            self._print(text)
        else:
            sys.stderr.write(f"{text}\n")

    def _print(self, text: str) -> None:
        try:
            write(text)
        except OSError as error:  # raised in `monitor`, not in a callback of the loop
            if not self.is_over.done():
                self.is_over.set_exception(error)
