"""`readback()`: a read-only PV of ours in one line, with its record type."""

from collections.abc import Sequence

from caproto.server import pvproperty

from sswd.config.keys import PvType
from sswd.ioc.pvs.kinds import KINDS

NO_YES = ("No", "Yes")

_INITIAL: dict[PvType, object] = {"float": 0.0, "int": 0, "str": "", "text": ""}


def readback(
    kind: PvType,
    doc: str,
    *,
    value: object = None,
    strings: Sequence[str] = (),
    length: int | None = None,
    **metadata: object,
) -> pvproperty:
    """The pvproperty of a PV that clients can only read, served as a declared PV is.

    `kind` is a type of the configuration, `doc` the description (.DESC: 40 characters).
    `value` is 0, empty or the first of `strings` unless given. `strings` are the states
    of an enum or bool. `length` is the capacity of a text in bytes; it makes an array
    of the other types. `metadata` is caproto's: units, precision, lower_disp_limit, ...
    """
    served = KINDS[kind]
    is_array = length is not None and kind != "text"
    if strings:
        metadata["enum_strings"] = list(strings)
    if length is not None:
        metadata["max_length"] = length
    if value is None:
        value = strings[0] if strings else _INITIAL[kind]
    return pvproperty(
        value=value,
        dtype=served.read_only,
        record="waveform" if is_array else served.in_record,
        read_only=True,
        doc=doc,
        **metadata,
    )
