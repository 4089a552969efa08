"""`sswd export`: screens, lists and device classes for the programs beside an IOC."""

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from sswd.cli import configuration
from sswd.cli.commands import Commands, making_files, write
from sswd.config.companions import with_companions
from sswd.errors import ConfigError
from sswd.exit_codes import CLEAN
from sswd.export import lists
from sswd.export.bob import bob
from sswd.export.model import Pv, Unit, by_prefix, size_of
from sswd.export.ophyd_async import ophyd_async
from sswd.export.pydm import pydm

_MORE = """\
bob, pydm: a screen of a system; with --out FOLDER one file for each system.
pvlist, archiver, alarm, saverestore, autosave: one list of all systems.
ophyd-async: a Python module with a typed class for each system.

examples:
  sswd export bob stage.toml --out screens
  sswd export archiver stage.toml > archiver.json
  sswd export ophyd-async stage.toml > stage_devices.py"""
SCREENS: dict[str, tuple[str, Callable[[Unit], str]]] = {
    "bob": (".bob", bob),
    "pydm": (".ui", pydm),
}
LISTS: dict[str, Callable[[Sequence[Unit]], str]] = {
    "pvlist": lists.pvlist,
    "archiver": lists.archiver,
    "saverestore": lists.saverestore,
    "autosave": lists.autosave,
}
"""Those of one text."""
_STATES = re.compile(r"(.*?) ?\((.+\|.+)\)")
FORMATS = (*SCREENS, *LISTS, "alarm", "ophyd-async")


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add(
        "export", export, "write screens, lists and classes for other programs", _MORE
    )
    command.add_argument("format", choices=FORMATS, metavar="FORMAT", help=_choices())
    configuration.add_arguments(command)
    command.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write a file for each system there, instead of standard output",
    )
    command.add_argument(
        "--root",
        default="Accelerator",
        metavar="NAME",
        help="configuration of the alarm tree; Accelerator",
    )


def _choices() -> str:
    return ", ".join(FORMATS)


def export(args: argparse.Namespace) -> int:
    """Print it, or write the files and print their names. Raises ConfigError."""
    found = units(args)
    if args.format in SCREENS:
        return _screens(args, found)
    match args.format:
        case "alarm":
            text = lists.alarm(found, args.root)
        case "ophyd-async":
            text = ophyd_async(found, args.what)
        case listed:
            text = LISTS[listed](found)
    if args.out is not None:
        raise ConfigError("--out goes with bob and pydm; the others are one text")
    write(text.rstrip("\n"))
    return CLEAN


def _screens(args: argparse.Namespace, found: Sequence[Unit]) -> int:
    suffix, draw = SCREENS[args.format]
    if args.out is None:
        if len(found) > 1:
            raise ConfigError("there are several systems: name a folder with --out")
        write(draw(found[0]).rstrip("\n"))
        return CLEAN
    for unit in found:
        path = args.out / f"{unit.name}{suffix}"
        text = draw(unit)
        with making_files():
            args.out.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        write(str(path))
    return CLEAN


def units(args: argparse.Namespace) -> list[Unit]:
    """The systems that the arguments name, with what their classes declare."""
    from sswd.cli.check import declared_by_class
    from sswd.ioc.daemon.pv_list import rows

    config, folder = configuration.read(args)
    by_class = declared_by_class(config, folder)
    prefixes = {config.prefix + s.prefix: name for name, s in config.system.items()}
    listed: dict[str, list[Pv]] = {name: [] for name in config.system}
    keys = {
        name: with_companions({**by_class.get(name, {}), **system.pvs})
        for name, system in config.system.items()
    }
    for row in rows(config, folder, by_class):
        prefix = by_prefix(list(prefixes), row.name)
        if row.is_about_ioc or prefix is None:
            continue
        name = prefixes[prefix]
        short = row.name.removeprefix(prefix)
        kind, size = size_of(row.type)
        description, states = _states(row.description)
        listed[name].append(
            Pv(
                name=row.name,
                short=short,
                type=kind,
                size=size,
                units="" if row.units == "-" else row.units,
                is_writable=row.access == "rw",
                description=description,
                states=states if kind == "enum" else (),
                keys=keys[name].get(short),
            )
        )
    return [
        Unit(name, prefix, tuple(listed[name]), tuple(config.system[name].motors))
        for prefix, name in prefixes.items()
    ]


def _states(description: str) -> tuple[str, tuple[str, ...]]:
    """The description and the states that a listing puts behind it."""
    match = _STATES.fullmatch(description)
    return (match[1], tuple(match[2].split("|"))) if match else (description, ())
