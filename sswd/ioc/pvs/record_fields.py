"""Record fields (.RTYP .DESC .EGU .HOPR ...) that are made when a client asks for one.

caproto makes ~75 channels of fields for each PV at once: 4 ms and 140 KB a PV, for
fields that hardly anybody reads. `OnDemandFields` makes them at the first
`get_field()`, and corrects what caproto's records leave empty or open.
"""

from typing import Any

from caproto import AccessRights, ChannelType
from caproto.server.server import get_record_class

from sswd.ioc import ca

ENCODING = "utf-8"
# .PROC writes the value again, .RVAL writes it as a number: both are puts.
_PUTS = frozenset({"PROC", "RVAL"})
# menuFtype: what waveform records call their elements.
_FTVL = {
    ChannelType.DOUBLE: "DOUBLE",
    ChannelType.LONG: "LONG",
    ChannelType.STRING: "STRING",
    ChannelType.CHAR: "UCHAR",
    ChannelType.FLOAT: "FLOAT",
    ChannelType.INT: "SHORT",
}
_FTVL_OF_ELEMENTS = {"uint16": "USHORT", "int8": "CHAR", "int64": "INT64"}
# The fields that hold the strings of mbbi and mbbo.
_STATES = ("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV", "EI", "NI", "TE", "EL")
_STATE_FIELDS = tuple(f"{state}ST" for state in (*_STATES, "TV", "TT", "FT", "FF"))
_PROPERTY_FIELDS = frozenset({"EGU", "DRVH", "DRVL", "HOPR", "LOPR", *_STATE_FIELDS})


def _read_only(_host: str, _user: str) -> AccessRights:
    return AccessRights.READ


class OnDemandFields:
    """Mixed in before one of caproto's Pvproperty classes; loop thread only.

    `record` is the record type, `egu` what .EGU says if that is not `units`.

    Fields are read-only, apart from .PROC and .RVAL of a writable PV: what a client
    would write into the others changes nothing here, or, worse, the value of a
    read-only PV.
    """

    pvname: str
    _data: dict[str, Any]

    def __init__(
        self, *, record: str | None = None, egu: str = "", **keywords: Any
    ) -> None:
        self._fields: Any = None
        self._egu = egu or keywords.get("units", "")
        super().__init__(record=None, **keywords)  # type: ignore[call-arg]
        self.record_type = record
        self.reported_record_type = record or "caproto"

    @property
    def field_inst(self) -> object:
        """caproto's group of fields; None while nobody has asked for one."""
        return self._fields

    @field_inst.setter
    def field_inst(self, value: None) -> None:
        self._fields = value

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that exist so far, by name; see get_field()."""
        return {} if self._fields is None else dict(self._fields.pvdb)

    @fields.setter
    def fields(self, value: dict[str, Any]) -> None:
        """caproto's constructor sets it empty; there is nothing to keep."""

    def get_field(self, field: str) -> object:
        """The PV itself for "" and VAL, else its field; KeyError if it has no such."""
        if not field or field == "VAL":
            return self
        if self.record_type is None:
            raise KeyError(field)
        if self._fields is None:
            self._fields = self._make_fields()
        return self._fields.pvdb[field]

    def _make_fields(self) -> Any:
        group = get_record_class(self.record_type)(
            prefix="", parent=self, name=f"{self.pvname}.fields"
        )
        is_writable = AccessRights.WRITE in self.check_access("", "")  # type: ignore[attr-defined]
        for name, channel in group.pvdb.items():
            if not (is_writable and name in _PUTS):
                channel.check_access = _read_only
            if channel.data_type == ChannelType.STRING:
                channel.string_encoding = ENCODING
        for name, value in self._field_values().items():
            if name in group.pvdb:
                _set(group.pvdb[name], value)
        for name in _STATE_FIELDS:
            if name in group.pvdb:
                # caproto's getter writes what it reads: an empty .TWST would become a
                # third state of its PV, by a mere get.
                group.pvdb[name].getter = group.pvdb[name].putter = None
        for name in ("NORD", "LEN"):
            if name in group.pvdb:
                group.pvdb[name].getter = self._count
        return group

    async def _count(self, _instance: object) -> int:
        """Elements of a waveform; characters of a long string with its NUL."""
        value = self._data["value"]
        if isinstance(value, str):
            return len(value.encode(ENCODING, "replace")) + 1
        return len(value) if hasattr(value, "__len__") else 1

    def properties_changed(self, egu: str) -> None:
        """The fields that clients have asked for follow units, limits and states."""
        self._egu = egu
        if self._fields is None:
            return
        for name in _PROPERTY_FIELDS & self._fields.pvdb.keys():
            shown = {"value": self._field_values().get(name, "")}
            ca.set_properties(self._fields.pvdb[name], shown, ca.VALUE_LOG)

    def _element_type(self) -> str | None:
        named = _FTVL_OF_ELEMENTS.get(getattr(self, "element", ""))
        return named or _FTVL.get(self.data_type)  # type: ignore[attr-defined]

    def _field_values(self) -> dict[str, object]:
        """What caproto's records do not take from their PV by themselves."""
        alarm = self.alarm  # type: ignore[attr-defined]
        strings = self._data.get("enum_strings", ())
        values = {
            "UDF": b"\0",
            "EGU": self._egu,
            "STAT": int(alarm.status),
            "SEVR": int(alarm.severity),
            "FTVL": self._element_type(),
            "HOPR": self._data.get("upper_disp_limit"),
            "LOPR": self._data.get("lower_disp_limit"),
            "DRVH": self._data.get("upper_ctrl_limit"),
            "DRVL": self._data.get("lower_ctrl_limit"),
            "SIZV": min(self.max_length, 32767),  # type: ignore[attr-defined]
            **dict(zip(_STATE_FIELDS, strings, strict=False)),
        }
        if strings and self._data["value"] in strings:
            values["RVAL"] = strings.index(self._data["value"])
        return {name: value for name, value in values.items() if value is not None}


def _set(channel: Any, value: object) -> None:
    """Give a field its value, as caproto keeps it, without publishing."""
    if isinstance(value, int) and channel.data_type == ChannelType.ENUM:
        value = channel.enum_strings[value]
    channel._data["value"] = value  # noqa: SLF001
