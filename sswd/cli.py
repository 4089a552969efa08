"""The command line: arguments in, exit code out.

What needs caproto is imported when a command needs it: `sswd --help` and the words
about a bad configuration come at once, and nothing of it can reach a worker.
"""

import argparse
import json
import logging
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sswd import __version__
from sswd.config import Config, PvConfig, from_dict, load, pv_from_dict, schema
from sswd.errors import ConfigError, LoadError, PortTakenError
from sswd.logs import LogOptions, logging_to

if TYPE_CHECKING:
    from sswd.ioc.daemon.pv_list import Row

log = logging.getLogger("sswd.cli")

# sysexits.h names 69 and 78; supervisors must not retry 78.
CLEAN, UNEXPECTED, USAGE, TAKEN, BAD_CONFIGURATION = 0, 1, 2, 69, 78
INTERRUPTED = 130

_ABOUT = """\
Serves blocking instrument code on EPICS Channel Access, each system in a worker
process that may hang or crash while clients stay connected."""
_EXIT_CODES = """\
exit codes:
  0   clean stop (SIGTERM, SIGINT)
  1   unexpected error, or a text that `expand` refuses
  2   wrong usage of the command line
  69  a port or prefix that was asked for is taken
  78  bad configuration; a supervisor must not retry it"""
_RUN = """\
examples:
  sswd run stage.toml
  sswd run --prefix LAB:STAGE1: mylab.stage:Stage --arg address=TCPIP::10.0.0.7::INSTR
  sswd run --log-format json --log-level warning stage.toml

In the foreground. SIGTERM and SIGINT stop it within 8 s, SIGHUP restarts the workers
with fresh code, SIGUSR1 dumps all stacks. The EPICS_CA and EPICS_CAS variables are
obeyed."""
_CHECK = """\
Reads the configuration, imports the group of each system, and loads each target in a
throwaway worker process; nothing is served and nothing is constructed.

example:
  sswd check stage.toml && systemctl restart sswd@stage"""
_PVS = """\
One PV a line: name, type, units, access (rw or ro), description.

example:
  sswd pvs stage.toml | grep ' rw '"""
_SCHEMA = """\
example:
  sswd schema > sswd.config.schema.json
and on the first line of stage.toml, for Taplo and Even Better TOML:
  #:schema ./sswd.config.schema.json"""

_EXPAND = """\
On a terminal with a plot; into a pipe one point a line. A refused text exits with 1.

example:
  sswd expand 'linear(0, 10, 1)'"""

Action = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Raises SystemExit(2) for wrong usage."""
    args = parser().parse_args(argv)
    options = LogOptions(args.log_format, args.log_level.upper())
    with logging_to(options):
        code, told = _guarded(args)
        if told and options.format == "json":
            log.critical(told)
    if told and options.format == "text":
        sys.stderr.write(f"sswd: {told}\n")
    return code


def _guarded(args: argparse.Namespace) -> tuple[int, str]:
    """Exit code and the words about an expected error."""
    action: Action = args.action
    try:
        return action(args), ""
    except (ConfigError, LoadError) as error:
        return BAD_CONFIGURATION, str(error)
    except PortTakenError as error:
        return TAKEN, str(error)
    except KeyboardInterrupt:
        return INTERRUPTED, ""
    except BrokenPipeError:
        # The reader of our standard output has gone, e.g. `sswd pvs x.toml | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNEXPECTED, ""
    except Exception:  # the end of the program: told, not lost
        log.critical("unexpected error, please report it", exc_info=True)
        return UNEXPECTED, ""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line; docs/reference/cli.md shows its help."""
    top = _parser("sswd", _ABOUT, _EXIT_CODES)
    top.add_argument("--version", action="version", version=f"sswd {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, action: Action, about: str, more: str) -> _Parser:
        made = commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=more
        )
        made.set_defaults(action=action)
        return made

    _add_what(command("run", _run, "serve systems until a signal says stop", _RUN))
    made = command("demo", _demo, "serve a simulated instrument, on loopback only", "")
    made.add_argument(
        "--sequence",
        action="store_true",
        help="instead: two servers and a master that steps them through nested loops",
    )
    _add_what(command("check", _check, "tell every mistake, serve nothing", _CHECK))
    _add_what(command("pvs", _pvs, "list the PVs that would be served", _PVS))
    made = command(
        "expand", _expand, "show the points that a command text means", _EXPAND
    )
    made.add_argument("text", help="a text as for CMD of a sequence system")
    made.add_argument(
        "--limit",
        type=int,
        default=10_000,
        metavar="N",
        help="refuse more points than this; 10000, as `values` holds",
    )
    command("schema", _schema, "print the JSON Schema of the configuration", _SCHEMA)
    for made in commands.choices.values():
        _add_log(made)
    return top


class _Parser(argparse.ArgumentParser):
    """Keeps the line breaks of our texts, at a width of its own."""

    def __init__(self, **keywords: object) -> None:
        super().__init__(
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=28, width=80
            ),
            allow_abbrev=False,
            **keywords,  # type: ignore[arg-type]
        )


def _parser(name: str, about: str, more: str) -> _Parser:
    return _Parser(prog=name, description=about, epilog=more)


def _add_what(command: _Parser) -> None:
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


def _add_log(command: argparse.ArgumentParser) -> None:
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
        help="debug, info (default), warning or error: the least grave lines to log",
    )


# -- commands


def _run(args: argparse.Namespace) -> int:
    config, folder = _configuration(args)
    from sswd.ioc.daemon import service

    try:
        return service.run(config, folder=folder)
    except KeyboardInterrupt:  # before the signal handlers are there
        return CLEAN


def _demo(args: argparse.Namespace) -> int:
    from sswd import demo
    from sswd.demo import sequence

    return sequence.run() if args.sequence else demo.run()


def _check(args: argparse.Namespace) -> int:
    config, folder = _configuration(args)
    rows = _listed(config, folder, warn=True)
    systems = ", ".join(f"{n} ({s.target})" for n, s in config.system.items())
    _say(f"{args.what} is good: {systems}; {len(rows)} PVs")
    return CLEAN


def _pvs(args: argparse.Namespace) -> int:
    config, folder = _configuration(args)
    rows = _listed(config, folder)
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        columns = [text.ljust(n) for text, n in zip(row, widths, strict=False)]
        _say("  ".join([*columns, row[4]]).rstrip())
    return CLEAN


def _expand(args: argparse.Namespace) -> int:
    from sswd.sequence import GrammarError
    from sswd.sequence.command import complaint, expand

    width = shutil.get_terminal_size().columns
    tty = sys.stdout.isatty()
    try:
        text = expand(args.text, limit=args.limit, tty=tty, width=width)
    except GrammarError as error:
        sys.stderr.write(f"{complaint(args.text, error, width=width)}\n")
        return UNEXPECTED
    _say(text)
    return CLEAN


def _schema(_args: argparse.Namespace) -> int:
    _say(json.dumps(schema(), indent=2, ensure_ascii=False))
    return CLEAN


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


# -- what to serve


def _configuration(args: argparse.Namespace) -> tuple[Config, Path]:
    """The configuration, and the folder where its modules are looked for first."""
    what: str = args.what
    if ":" in what and not Path(what).exists():
        return _of_class(what, args), Path.cwd()
    if args.prefix is not None or args.arg:
        args.usage_error("--prefix and --arg go with module:Class, not with a file")
    return load(what), Path(what).resolve().parent


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


def _listed(config: Config, folder: Path, *, warn: bool = False) -> "list[Row]":
    """All PVs: those of the template, of the configuration and of the classes.

    `warn`: tell what the source of the systems gives cause for.
    """
    from sswd.ioc.daemon import inspect_target, pv_list

    by_class: dict[str, dict[str, PvConfig]] = {}
    for name, system in config.system.items():
        try:
            loaded = inspect_target.inspect(system, folder, name=name)
        except LoadError as error:
            text = f"system.{name}.target: {system.target!r} does not load: {error}"
            raise LoadError(text) from None
        by_class[name] = {
            pv: pv_from_dict(pv, keys, system.target) for pv, keys in loaded.pvs.items()
        }
        for warning in loaded.warnings if warn else ():
            log.warning("system.%s.target: %s", name, warning)
    return pv_list.rows(config, folder, by_class)
