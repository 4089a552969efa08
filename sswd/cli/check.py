"""`sswd check` and `sswd pvs`: what a configuration would serve, serving nothing."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sswd.cli import configuration
from sswd.cli.commands import Commands, write
from sswd.config import Config, PvConfig, pv_from_dict
from sswd.errors import LoadError
from sswd.exit_codes import CLEAN

if TYPE_CHECKING:
    from sswd.ioc.daemon.pv_list import Row

log = logging.getLogger("sswd.cli")

_CHECK = """\
Reads the configuration, imports the group of each system, and loads each target in a
throwaway worker process; nothing is served and nothing is constructed.

example:
  sswd check stage.toml && systemctl restart sswd@stage"""
_PVS = """\
One PV a line: name, type, units, access (rw or ro), description. Those under IOC:,
which tell of the daemon itself, with --all only.

examples:
  sswd pvs stage.toml | grep ' rw '
  sswd pvs --json stage.toml | jq -r .name"""


def add(commands: Commands) -> None:
    """Add both commands."""
    for command in (
        commands.add("check", check, "name every mistake, serve nothing", _CHECK),
        commands.add("pvs", pvs, "list the PVs that would be served", _PVS),
    ):
        configuration.add_arguments(command)
    command.add_argument("--all", action="store_true", help="those under IOC: as well")
    command.add_argument(
        "--json", action="store_true", help="print one JSON object a line"
    )


def check(args: argparse.Namespace) -> int:
    """Read and load everything. Raises ConfigError and LoadError."""
    config, folder = configuration.read(args, on_this_host=False)
    rows = _rows(config, folder, warn=True)
    systems = ", ".join(
        f"{n} ({s.target}{'' if s.enabled else ', not enabled'})"
        for n, s in config.system.items()
    )
    write(f"{args.what} is good: {systems}; {len(rows)} PVs")
    return CLEAN


def pvs(args: argparse.Namespace) -> int:
    """List the PVs in aligned columns. Raises ConfigError and LoadError."""
    config, folder = configuration.read(args)
    rows = [r for r in _rows(config, folder) if args.all or not r.is_about_ioc]
    if args.json:
        for row in rows:
            write(msgspec.json.encode(row._asdict()).decode())
        return CLEAN
    widths = [
        max(map(len, column)) for column in zip(*(row[:4] for row in rows), strict=True)
    ]
    for row in rows:
        columns = [text.ljust(n) for text, n in zip(row[:4], widths, strict=True)]
        write("  ".join([*columns, row.description]).rstrip())
    return CLEAN


def _rows(config: Config, folder: Path, *, warn: bool = False) -> "list[Row]":
    """All PVs: those of the template, of the configuration and of the classes.

    `warn`: log what the source of the systems gives cause for.
    """
    from sswd.ioc.daemon import access_file, pv_list

    acf = access_file.read_file(config, folder)
    by_class = declared_by_class(config, folder, warn=warn)
    if warn and acf is not None:
        file = str(folder / str(config.access.file))
        for pv, asg in _asgs_of_classes(config, by_class):
            if words := access_file.missing_group(acf, file, pv, asg):
                log.warning("access: %s", words)
    return pv_list.rows(config, folder, by_class)


def _asgs_of_classes(
    config: Config, by_class: dict[str, dict[str, PvConfig]]
) -> Iterator[tuple[str, str | None]]:
    """Groups that classes name, by whole names; the configuration's PVs win."""
    for name, pvs in by_class.items():
        for pv, keys in pvs.items():
            if pv not in config.system[name].pvs:
                yield config.prefix_of(name) + pv, keys.asg


def declared_by_class(
    config: Config, folder: Path, *, warn: bool = False
) -> dict[str, dict[str, PvConfig]]:
    """What the class of each system declares itself. Raises LoadError."""
    from sswd.ioc.daemon import inspect_target

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
    return by_class
