"""`sswd doctor`: why a client does not see a PV."""

import argparse

import msgspec

from sswd.cli.commands import Commands, write
from sswd.cli.daemon import clean
from sswd.exit_codes import CLEAN, NOT_FOUND, WRONG

_MORE = """\
Searches for the PV as a client with this environment does, of any IOC, and says what
is in the way: the address list, ports, names of hosts, two servers with one PV or
behind one address, firewalls, array sizes, whether a CA repeater runs here, and where
the daemons of sswd on this host send their beacons. It listens to no beacons. Without a
PV: what of that can be seen without one. It changes nothing and puts nothing.

Exits with 4 when the PV is not found, with 3 when anything else is wrong.

examples:
  sswd doctor LAB:STAGE1:POSITION
  EPICS_CA_ADDR_LIST=10.0.0.7 sswd doctor --json LAB:STAGE1:POSITION"""
_LABELS = {"ok": "ok", "note": "note", "wrong": "WRONG"}


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add("doctor", doctor, "find why a PV can't be seen", _MORE)
    command.add_argument("pv", nargs="?", default="", metavar="PV")
    command.add_argument(
        "-w",
        "--wait",
        type=float,
        default=2.0,
        metavar="S",
        help="how long to listen for answers; 2 s",
    )
    command.add_argument(
        "--json", action="store_true", help="print findings and evidence as one object"
    )


def doctor(args: argparse.Namespace) -> int:
    """Look, and print what was found."""
    from sswd.doctor.checks import diagnose
    from sswd.doctor.examine import examine

    evidence = examine(args.pv, args.wait)
    findings = diagnose(evidence)
    if args.json:
        told = {"pv": args.pv, "findings": findings, "evidence": evidence}
        write(msgspec.json.encode(told).decode())
    else:
        for finding in findings:
            write(f"{_LABELS[finding.level]:<6} {clean(finding.words)}")
            if finding.mend:
                write(f"  do:  {clean(finding.mend)}")
    if args.pv and not evidence.is_found:
        return NOT_FOUND
    return WRONG if any(f.level == "wrong" for f in findings) else CLEAN
