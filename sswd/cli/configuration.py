"""The arguments that say what to serve: a file, or a class with --prefix and --arg."""

import argparse
import re
import socket
from pathlib import Path

from sswd.cli.commands import Parser
from sswd.config import Config, from_dict, load
from sswd.config.files import INCLUDE
from sswd.config.hosts import for_host
from sswd.config.tables import merged, table_of, toml_value
from sswd.directories import current_directory


def add_arguments(command: Parser) -> None:
    """Let a command take a configuration or a class."""
    command.add_argument(
        "what",
        metavar="FILE.toml|module:Class",
        help="a configuration, or one class without any",
    )
    command.add_argument(
        "--prefix", help="start of all PV names, instead of the file's"
    )
    command.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        default=[],
        help="a key of the file with another value, e.g. system.stage.nice=5 "
        "(repeatable); a TOML value, else the text itself",
    )
    command.add_argument(
        "--arg",
        action="append",
        metavar="KEY=VALUE",
        help="keyword argument of the class (with module:Class only, repeatable); a "
        "TOML value, else the text itself",
    )
    command.set_defaults(usage_error=command.error)


def read(args: argparse.Namespace, *, on_this_host: bool = True) -> tuple[Config, Path]:
    """The configuration, and the folder where its modules are looked for first.

    `on_this_host`: without systems that are disabled or belong to other hosts. Raises
    ConfigError; SystemExit(2) for arguments that do not go together.
    """
    config, folder = _whole(args)
    if on_this_host:
        config = for_host(config, socket.gethostname(), args.what)
    return config, folder


def _whole(args: argparse.Namespace) -> tuple[Config, Path]:
    what: str = args.what
    if ":" in what and not Path(what).exists():
        return _of_class(what, args), current_directory()
    if args.arg:
        args.usage_error(
            "--arg goes with module:Class; with a file, --set system.NAME.args.KEY="
        )
    return load(what, _settings(args)), Path(what).resolve().parent


def _settings(args: argparse.Namespace) -> dict[str, object]:
    """What the command line sets, as tables of the configuration."""
    table: dict[str, object] = {}
    for setting in args.set:
        try:
            table = merged(table, table_of(setting))
        except ValueError as ex:
            args.usage_error(f"--set {ex}")
    if INCLUDE in table:
        args.usage_error(
            f"--set {INCLUDE}: only a file includes others; name them there"
        )
    if args.prefix is not None:
        table["prefix"] = args.prefix
    return table


def file_of(args: argparse.Namespace) -> Path | None:
    """The configuration, as a whole path; None: a class was named."""
    path = Path(args.what)
    return path.resolve() if path.exists() else None


def _of_class(target: str, args: argparse.Namespace) -> Config:
    name = re.sub(r"\W", "_", target.rpartition(":")[2]).lower() or "system"
    keywords = dict(_argument(text, args) for text in args.arg or ())
    mapping = {"system": {name: {"target": target, "args": keywords}}}
    return from_dict(merged(mapping, _settings(args)), "command line")


def _argument(text: str, args: argparse.Namespace) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        args.usage_error(f"--arg {text!r} is not KEY=VALUE")
    return key, toml_value(value)
