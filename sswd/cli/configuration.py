"""The arguments that say what to serve: a file, or a class with --prefix and --arg."""

import argparse
import re
import tomllib
from pathlib import Path

from sswd.cli.commands import Parser
from sswd.config import Config, from_dict, load
from sswd.directories import current_directory


def add_arguments(command: Parser) -> None:
    """Let a command take a configuration or a class."""
    command.add_argument(
        "what",
        metavar="FILE.toml|module:Class",
        help="a configuration, or one class without any",
    )
    command.add_argument(
        "--prefix", help="start of all PV names (with module:Class only)"
    )
    command.add_argument(
        "--arg",
        action="append",
        metavar="KEY=VALUE",
        help="keyword argument of the class (with module:Class only, repeatable); a "
        "TOML value, else the text itself",
    )
    command.set_defaults(usage_error=command.error)


def read(args: argparse.Namespace) -> tuple[Config, Path]:
    """The configuration, and the folder where its modules are looked for first.

    Raises ConfigError; SystemExit(2) for arguments that do not go together.
    """
    what: str = args.what
    if ":" in what and not Path(what).exists():
        return _of_class(what, args), current_directory()
    if args.prefix is not None or args.arg:
        args.usage_error("--prefix and --arg go with module:Class, not with a file")
    return load(what), Path(what).resolve().parent


def file_of(args: argparse.Namespace) -> Path | None:
    """The configuration, as a whole path; None: a class was named."""
    path = Path(args.what)
    return path.resolve() if path.exists() else None


def _of_class(target: str, args: argparse.Namespace) -> Config:
    name = re.sub(r"\W", "_", target.rpartition(":")[2]).lower() or "system"
    keywords = dict(_argument(text, args) for text in args.arg or ())
    mapping: dict[str, object] = {
        "prefix": args.prefix or "",
        "system": {name: {"target": target, "args": keywords}},
    }
    return from_dict(mapping, "command line")


def _argument(text: str, args: argparse.Namespace) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        args.usage_error(f"--arg {text!r} is not KEY=VALUE")
    try:
        parsed = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return key, value
    return key, parsed["value"] if len(parsed) == 1 else value
