"""Record fields that caproto leaves empty or overfull: .EGU and .DESC.

Called for every PV before it is served, and by whoever adds PVs later.
"""

from collections.abc import Mapping

from sswd.ioc.ca.caproto_private.data import Data, raw
from sswd.ioc.ca.caproto_private.records import field
from sswd.sizes import DESC_CHARACTERS

EGU_LENGTH = 15


def fill_record_fields(pvdb: Mapping[str, Data]) -> None:
    """Copy `units=` into .EGU and `doc=`, on one line of 40 characters, into .DESC.

    Harmless when repeated; a .EGU that was set already is kept.
    """
    for data in pvdb.values():
        units = raw(data).get("units")
        egu = field(data, "EGU")
        if egu is not None and units and not raw(egu)["value"]:
            raw(egu)["value"] = str(units)[:EGU_LENGTH]
        doc = data.__doc__
        if field(data, "DESC") is not None and doc and "__doc__" in vars(data):
            data.__doc__ = " ".join(doc.split())[:DESC_CHARACTERS]
