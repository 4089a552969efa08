"""How each type of the configuration is served: its caproto class, record and dtype."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import numpy as np
from caproto import ChannelData, ChannelType
from caproto.server import (
    PvpropertyByte,
    PvpropertyByteRO,
    PvpropertyDouble,
    PvpropertyDoubleRO,
    PvpropertyEnum,
    PvpropertyEnumRO,
    PvpropertyFloat,
    PvpropertyFloatRO,
    PvpropertyInteger,
    PvpropertyIntegerRO,
    PvpropertyShort,
    PvpropertyShortRO,
    PvpropertyString,
    PvpropertyStringRO,
)

from sswd.config.keys import PvType
from sswd.ioc.pvs.longstring import LongString, LongStringRO
from sswd.ioc.pvs.record_fields import OnDemandFields


class _Declared(OnDemandFields):
    """What all declared PVs share: a put goes to the putter and nowhere else."""

    putter: Callable[["_Declared", object], Awaitable[object]] | None

    async def verify_value(self, value: object) -> object:
        """caproto's hook of a put, without its limits and its alarms from limits."""
        return value if self.putter is None else await self.putter(self, value)


class Double(_Declared, PvpropertyDouble):  # type: ignore[misc]
    """float, writable."""


class DoubleRO(_Declared, PvpropertyDoubleRO):  # type: ignore[misc]
    """float."""


class Integer(_Declared, PvpropertyInteger):  # type: ignore[misc]
    """int, writable."""


class IntegerRO(_Declared, PvpropertyIntegerRO):  # type: ignore[misc]
    """int."""


class Enum(_Declared, PvpropertyEnum):  # type: ignore[misc]
    """enum and bool, writable."""


class EnumRO(_Declared, PvpropertyEnumRO):  # type: ignore[misc]
    """enum and bool."""


class String(_Declared, PvpropertyString):  # type: ignore[misc]
    """str, writable."""


class StringRO(_Declared, PvpropertyStringRO):  # type: ignore[misc]
    """str."""


class Text(_Declared, LongString):
    """text, writable."""


class TextRO(_Declared, LongStringRO):
    """text."""


class Byte(_Declared, PvpropertyByte):  # type: ignore[misc]
    """bytes, writable."""


class ByteRO(_Declared, PvpropertyByteRO):  # type: ignore[misc]
    """bytes."""


class Float(_Declared, PvpropertyFloat):  # type: ignore[misc]
    """float32, writable."""


class FloatRO(_Declared, PvpropertyFloatRO):  # type: ignore[misc]
    """float32."""


class Short(_Declared, PvpropertyShort):  # type: ignore[misc]
    """int16 and uint16, writable."""


class ShortRO(_Declared, PvpropertyShortRO):  # type: ignore[misc]
    """int16 and uint16."""


class Tiny(_Declared, PvpropertyInteger):  # type: ignore[misc]
    """int8 and uint8, writable: numbers, where caproto's Byte has bytes."""

    data_type = ChannelType.CHAR


class TinyRO(_Declared, PvpropertyIntegerRO):  # type: ignore[misc]
    """int8 and uint8."""

    data_type = ChannelType.CHAR


class Kind(NamedTuple):
    """How a type of the configuration is served."""

    writable: type[ChannelData]
    read_only: type[ChannelData]
    out_record: str
    in_record: str
    dtype: type[np.number] | None = None
    """Of what numbers are kept in; None: they are none."""


KINDS: dict[PvType, Kind] = {
    "float": Kind(Double, DoubleRO, "ao", "ai", np.float64),
    "int": Kind(Integer, IntegerRO, "longout", "longin", np.int32),
    "bool": Kind(Enum, EnumRO, "bo", "bi"),
    "enum": Kind(Enum, EnumRO, "mbbo", "mbbi"),
    "str": Kind(String, StringRO, "stringout", "stringin"),
    "text": Kind(Text, TextRO, "lso", "lsi"),
    "bytes": Kind(Byte, ByteRO, "waveform", "waveform"),
    "action": Kind(Enum, Enum, "bo", "bo"),
    "float32": Kind(Float, FloatRO, "ao", "ai", np.float32),
    "int64": Kind(Double, DoubleRO, "int64out", "int64in", np.float64),
    "int16": Kind(Short, ShortRO, "longout", "longin", np.int16),
    "uint16": Kind(Short, ShortRO, "longout", "longin", np.uint16),
    "int8": Kind(Tiny, TinyRO, "longout", "longin", np.int8),
    "uint8": Kind(Tiny, TinyRO, "longout", "longin", np.uint8),
}
"""A uint16 is kept as it is, and sent as a short of the same bits."""
