"""The daemon that a command asks: how it is named, and what its refusals exit with."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sswd.cli.commands import Parser, write
from sswd.control.client import Connection
from sswd.control.finding import find
from sswd.control.protocol import AnyAnswer, End, Request


def add_arguments(command: Parser) -> None:
    """Let a command name the daemon, and print JSON."""
    command.add_argument(
        "--prefix", metavar="P", help="the daemon that serves this prefix"
    )
    command.add_argument(
        "--file",
        metavar="FILE.toml",
        type=Path,
        help="the daemon of this configuration; without both: the only one",
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object a line"
    )


def connect(args: argparse.Namespace) -> Connection:
    """The daemon that the arguments name. Raises as `find`."""
    return find(args.prefix, args.file)


def ask(
    args: argparse.Namespace, request: Request, timeout_s: float | None = 5.0
) -> Iterator[AnyAnswer]:
    """Ask it one thing; the lines of the answer without the last. Raises as `find` and
    `Connection.ask`."""
    with connect(args) as connection:
        for answer in connection.ask(request, timeout_s):
            if not isinstance(answer, End):
                yield answer


def write_json(answer: msgspec.Struct) -> None:
    """Print one answer as a line."""
    write(msgspec.json.encode(answer).decode())


def clean(text: str) -> str:
    """Without what would drive a terminal: names and words come from anywhere."""
    return "".join(c if c.isprintable() or c == " " else "?" for c in text)


def span(seconds: float) -> str:
    """A time span as people say it: 0.35 s, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 10:
        return f"{max(0.0, seconds):.2g} s"
    whole = round(seconds)
    for size, unit, smaller, small in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(text.ljust(n) for text, n in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
