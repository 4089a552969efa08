"""Lists of PVs for archivers, alarm servers, and programs that save setpoints. Pure."""

import json
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from sswd.export.model import HEALTH, Pv, Unit

BUTTONS = ("ABORT", "WORKER:RESTART", "WORKER:START", "WORKER:STOP")
"""Written once to act: nothing to keep."""
_NOT_ARCHIVED = ("CMD_PREVIEW", "WORKER:HEARTBEAT", "WORKER:UPTIME", *BUTTONS)
ARCHIVED_BYTES = 65536
"""A larger array is left out: an archiver is no place for images."""
_MONITOR_S = 1.0
_SCAN_S = 10.0
_WIDE = {"float": 8, "int64": 8, "int": 4, "float32": 4, "int16": 2, "uint16": 2}


def pvlist(units: Sequence[Unit]) -> str:
    """Every PV, one name a line."""
    return "".join(f"{pv.name}\n" for unit in units for pv in unit.pvs)


def saved(unit: Unit) -> Iterator[Pv]:
    """The setpoints: what clients write and a restart should bring back."""
    for pv in unit.pvs:
        is_own = pv.keys is not None or pv.short in unit.motors
        if is_own and pv.is_writable and pv.type != "action":
            yield pv


def autosave(units: Sequence[Unit]) -> str:
    """A request file (.req) of EPICS's autosave module."""
    lines = [f"{pv.name}\n" for unit in units for pv in saved(unit)]
    return "# autosave request file, written by sswd export\n" + "".join(lines)


def saverestore(units: Sequence[Unit]) -> str:
    """CSV as Phoebus' save-and-restore imports it; readbacks beside their setpoints."""
    lines = ["PV,READBACK,READ_ONLY\n"]
    for unit in units:
        names = {pv.name for pv in unit.pvs}
        for pv in saved(unit):
            readback = f"{pv.name}_RBV"
            if pv.short in unit.motors:
                readback = f"{pv.name}.RBV"
            elif readback not in names:
                readback = ""
            lines.append(f"{pv.name},{readback},false\n")
    return "".join(lines)


def archiver(units: Sequence[Unit]) -> str:
    """A JSON list for the archiver appliance's `archivePV`, one object a PV.

    A PV that makes an event at every post (`adel` below 0, arrays) is sampled every
    10 s; of all others every change beyond `adel` is kept (.ADEL, DBE_LOG), at most one
    a second.
    """
    listed = []
    for unit in units:
        for pv in unit.pvs:
            if pv.short in _NOT_ARCHIVED or pv.type == "action":
                continue
            if pv.size * _WIDE.get(pv.type, 1) > ARCHIVED_BYTES:
                continue
            method, period_s = _sampling(pv)
            listed.append(
                {
                    "pv": pv.name,
                    "samplingmethod": method,
                    "samplingperiod": f"{period_s:g}",
                }
            )
    return json.dumps(listed, indent=1) + "\n"


def _sampling(pv: Pv) -> tuple[str, float]:
    keys = pv.keys
    posts_all = keys is not None and (
        bool(keys.always) or (keys.adel is not None and keys.adel < 0)
    )
    if pv.is_array or posts_all:
        return "SCAN", _SCAN_S
    return "MONITOR", _MONITOR_S


def alarm(units: Sequence[Unit], root: str) -> str:
    """The tree of Phoebus' alarm server as XML, `root` its configuration name.

    A component for each system: how its worker and its instrument are, and every PV
    that has alarm limits or states. All other PVs go INVALID with the first two.
    """
    tree = ET.Element("config", name=root)
    for unit in units:
        component = ET.SubElement(tree, "component", name=unit.name)
        health = [pv for pv in unit.pvs if pv.short in HEALTH[:3]]
        limited = [pv for pv in unit.pvs if pv.has_limits]
        for pv in (*health, *limited):
            made = ET.SubElement(component, "pv", name=pv.name)
            ET.SubElement(made, "description").text = pv.description or pv.short
            ET.SubElement(made, "enabled").text = "true"
            ET.SubElement(made, "latching").text = "true"
            ET.SubElement(made, "annunciating").text = "false"
    ET.indent(tree, "  ")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + ET.tostring(tree, encoding="unicode") + "\n"
