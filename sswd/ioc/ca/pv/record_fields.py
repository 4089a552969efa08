"""Record fields of caproto that answer otherwise than EPICS base's.

Called for every PV before it is served, and by whoever adds PVs later.
"""

from collections.abc import Mapping

from sswd.ioc.ca.caproto_private.data import Data, raw
from sswd.ioc.ca.caproto_private.records import field, fields_of
from sswd.ioc.ca.codec import protocol
from sswd.sizes import DESC_CHARACTERS

EGU_LENGTH = 15
_LINKS = ("FLNK", "INP", "OUT", "DOL", "SDIS", "SIML", "SIOL", "TSEL")
_SEVERITIES = {
    "HHSV": "alarm",
    "HSV": "warning",
    "LSV": "warning",
    "LLSV": "alarm",
}
"""The fields that caproto calls MAJOR and MINOR, and the limits they belong to."""


def fill_record_fields(pvdb: Mapping[str, Data]) -> None:
    """Copy `units=` into .EGU and `doc=`, on one line of 40 characters, into .DESC.

    An unused link is empty, an unused char 0, and a limit that is not set has no
    severity. Harmless when repeated; what was set already is kept.
    """
    for data in pvdb.values():
        units = raw(data).get("units")
        egu = field(data, "EGU")
        if egu is not None and units and not raw(egu)["value"]:
            raw(egu)["value"] = str(units)[:EGU_LENGTH]
        doc = data.__doc__
        if field(data, "DESC") is not None and doc and "__doc__" in vars(data):
            data.__doc__ = " ".join(doc.split())[:DESC_CHARACTERS]
        _correct(data)


def _correct(data: Data) -> None:
    for name, value in fields_of(data).items():
        store = raw(value)
        if int(value.data_type) == protocol.CHAR and store["value"] == b"":
            store["value"] = b"\0"
        elif name == "UDF" and store["value"] == b"1":
            store["value"] = b"\0"  # the digit; a PV of a group has its value
        elif name in _LINKS and store["value"] in ("0", 0):
            store["value"] = ""
        elif name in _SEVERITIES:
            limits: Mapping[str, object] = raw(data)
            which = _SEVERITIES[name]
            if limits.get(f"upper_{which}_limit") == limits.get(f"lower_{which}_limit"):
                store["value"] = "NO_ALARM"
