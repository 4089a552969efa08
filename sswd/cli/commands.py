"""How a command is added to the parser, and how it prints."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator

from sswd.errors import WriteError

Action = Callable[[argparse.Namespace], int]
"""Does what a command is for; returns the exit code."""


class Parser(argparse.ArgumentParser):
    """Keeps the line breaks of our texts, at a width of its own."""

    def __init__(self, **keywords: object) -> None:
        super().__init__(
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=28, width=80
            ),
            allow_abbrev=False,
            **keywords,  # type: ignore[arg-type]
        )


class Commands:
    """The commands of one program."""

    def __init__(self, top: Parser) -> None:
        self.top = top
        self._parsers = top.add_subparsers(
            title="commands", metavar="COMMAND", required=True
        )

    def add(self, name: str, action: Action, about: str, more: str = "") -> Parser:
        """A new command, to add arguments to.

        `about` is a line for the list of commands, `more` stands below the options.
        """
        made = self._parsers.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=more
        )
        made.set_defaults(action=action)
        return made

    def add_log_options(self) -> None:
        """Give every command --log-format and --log-level, below its own options."""
        for command in self._parsers.choices.values():
            _add_log_options(command)


def _add_log_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--log-format",
        choices=("text", "json"),
        metavar="text|json",
        default="text",
        help="how to log to standard error: text (default), or one JSON object a line",
    )
    command.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        metavar="LEVEL",
        default="info",
        help="log this level and above: debug, info (default), warning or error",
    )


@contextlib.contextmanager
def making_files() -> Iterator[None]:
    """Files are made in its block. Raises WriteError for what the disk refuses."""
    try:
        yield
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise WriteError(f"cannot be written: {what}") from error


def write(text: str) -> None:
    """Print a result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
