"""`sswd init`: the files of a project, or those that an existing driver lacks."""

import argparse
import sys
from pathlib import Path

from sswd.cli import existing_driver, project, wrap
from sswd.cli.commands import Commands, making_files, write
from sswd.exit_codes import CLEAN, UNEXPECTED

_MORE = """\
Makes the folder NAME with a driver (simulated, to begin with), its TOML, tests, and
files for supervisord and systemd; without NAME, in the current folder. With --from,
writes them, but for the driver, beside one that you have, after importing it in a
throwaway worker process; nothing of it is constructed. A class that is no system is
wrapped; one with move() and position is a motor, too. With --wrap, writes the TOML of a
driver of pymeasure, QCoDeS or your own that is no system, or of an instrument that is
described by its texts. Never overwrites a file.

examples:
  sswd init stage && cd stage && pytest && sswd run stage.toml
  sswd init --from drivers/heater.py:Heater
  sswd init --wrap pymeasure:pymeasure.instruments.keithley:Keithley2400"""


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add("init", init, "begin a project of one driver", _MORE)
    command.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="what the driver is called: a folder, a module, the prefix of its PVs",
    )
    command.add_argument(
        "--from",
        dest="driver",
        metavar="FILE.py:Class",
        help="a driver that you have; NAME is that of its file unless given",
    )
    command.add_argument(
        "--wrap",
        metavar="TARGET",
        help="a driver that is no system: pymeasure:module:Class, qcodes:module:Class, "
        "object:module:Class or scpi:FILE.toml; writes its TOML",
    )
    command.add_argument(
        "--arg",
        action="append",
        metavar="KEY=VALUE",
        help="argument of the driver (with --wrap only, repeatable); QCoDeS drivers "
        "are connected to, if there are any",
    )
    command.set_defaults(usage_error=command.error)


def init(args: argparse.Namespace) -> int:
    """Write the files; 1 when one of them is there. Raises LoadError for --from."""
    try:
        if args.wrap is not None:
            files, words = wrap.files(args.wrap, args.name, args.arg or ())
        elif args.driver is not None:
            files, words = existing_driver.files(args.driver, args.name)
        else:
            files, words = project.files(args.name, Path.cwd())
    except project.NameProblem as problem:
        args.usage_error(str(problem))
    if there := [path for path in files if path.exists()]:
        shown = ", ".join(map(str, there))
        sys.stderr.write(f"sswd: nothing written, never overwritten: {shown}\n")
        return UNEXPECTED
    with making_files():
        project.write_new(files)
    write(words)
    return CLEAN
