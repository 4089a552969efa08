"""How a PV's value is printed: a line for people, or a JSON object a line."""

import argparse
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sswd.cli.commands import Parser
from sswd.json_values import for_json

if TYPE_CHECKING:
    from sswd.ioc.client.reading import Reading

SHOWN = 10
"""Elements of an array that a line shows without --all."""
WAIT_S = 3.0
_NEVER_S = 631152000.0
"""1990, the epoch of EPICS: the time stamp of what was never written."""
_NAME_COLUMNS = 30


def add_arguments(command: Parser) -> None:
    """The options of all commands that print values."""
    command.add_argument(
        "-n", "--number", action="store_true", help="enums and chars as numbers"
    )
    command.add_argument("--all", action="store_true", help="all elements of arrays")
    command.add_argument(
        "-l", "--long", action="store_true", help="with time, units and alarm"
    )
    command.add_argument("-t", "--terse", action="store_true", help="the value alone")
    command.add_argument(
        "--json", action="store_true", help="print one JSON object a line"
    )
    command.add_argument(
        "-w",
        "--wait",
        type=float,
        default=WAIT_S,
        metavar="S",
        help=f"how long to search for a PV; {WAIT_S:g} s",
    )


def line(name: str, reading: "Reading", args: argparse.Namespace) -> str:
    """One value as the options say."""
    if args.json:
        return json.dumps({"pv": name, **_as_json(reading)}, ensure_ascii=False)
    from sswd.ioc.client.reading import plain, printable

    value = plain(reading.value, None if args.all else SHOWN)
    if args.terse:
        return value
    if not args.long:
        return f"{name:<{_NAME_COLUMNS}} {value}"
    units = f" {printable(reading.units)}" if reading.units else ""
    alarm = reading.severity
    if alarm != "NO_ALARM":
        alarm += f"/{reading.status}"
    return f"{name:<{_NAME_COLUMNS}} {_local(reading.stamp_s)} {value}{units} {alarm}"


def problem(name: str, words: str, args: argparse.Namespace) -> str:
    """What takes the place of a value that is not to be had."""
    if args.json:
        return json.dumps({"pv": name, "error": words}, ensure_ascii=False)
    return f"sswd: {words}"


def _as_json(reading: "Reading") -> dict[str, object]:
    moment = datetime.fromtimestamp(reading.stamp_s, UTC)
    found: dict[str, object] = {
        "value": for_json(reading.value),
        "type": reading.type,
        "severity": reading.severity,
        "status": reading.status,
        "time": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    if reading.units:
        found["units"] = reading.units
    return found


def _local(stamp_s: float) -> str:
    if stamp_s <= _NEVER_S:
        return "never"
    moment = datetime.fromtimestamp(stamp_s).astimezone()
    return moment.isoformat(sep=" ", timespec="milliseconds")[:23]
