"""Long strings: a CHAR array of given capacity whose Python value is a `str`.

caproto's own CHAR string refuses a DBR_STRING put and cannot tell its encoding. Use as
`pvproperty(dtype=LongString, max_length=10000, record="lsi", value="...")`.
"""

import caproto
import numpy as np
from caproto import ChannelType
from caproto.server import PvpropertyChar, PvpropertyCharRO

from sswd.ioc.ca.caproto_private.data import Elements, Store
from sswd.ioc.ca.codec import dbr_elements
from sswd.ioc.ca.codec.dbr_elements import cut_text
from sswd.sizes import STRING_BYTES

__all__ = [
    "LongString",
    "LongStringRO",
    "cut_text",
    "decode_text",
    "encode_text",
]


def encode_text(text: str) -> bytes:
    """UTF-8; bytes that a client sent in another encoding come back as they were."""
    return dbr_elements.encode_text(text, "utf-8")


def decode_text(chars: bytes) -> str:
    """Text up to the first NUL; bytes that are no UTF-8 survive as surrogates."""
    return chars.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _text_of(value: object) -> str:
    """The text of chars, or of a list of one. Raises CaprotoValueError."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, bytes | bytearray | memoryview):
        value = decode_text(bytes(value))
    elif isinstance(value, np.ndarray | list | tuple):
        value = decode_text(np.asarray(value).astype(np.uint8).tobytes())
    if not isinstance(value, str):
        raise caproto.CaprotoValueError(
            f"a long string takes text, not {type(value).__name__}"
        )
    return value


class _LongText:
    """What both long string classes share; mixed into caproto's CHAR data."""

    is_long_string = True
    """Tells sswd.ioc.ca that `_read` may be passed by."""
    _data: Store
    max_length: int

    def __init__(self, **settings: object) -> None:
        settings.setdefault("string_encoding", "utf-8")
        super().__init__(**settings)

    def preprocess_value(self, value: object) -> str:
        """The text of `value`: str, bytes, or an array of chars.

        Raises CaprotoValueError when it does not fit or is none of these.
        """
        text = value if isinstance(value, str) else _text_of(value)
        size = len(text) if text.isascii() else len(encode_text(text))
        if size > self.max_length:
            raise caproto.CaprotoValueError(
                f"text of {size} bytes does not fit into {self.max_length}"
            )
        return text

    async def write_from_dbr(
        self, data: Elements, data_type: int, metadata: object, *, flags: int = 0
    ) -> object:
        """A client's put: DBR_STRING, DBR_CHAR (`caput -S`) or numbers as chars."""
        if data_type in (
            ChannelType.PUT_ACKS,
            ChannelType.PUT_ACKT,
            ChannelType.STSACK_STRING,
            ChannelType.CLASS_NAME,
        ):
            return await super().write_from_dbr(  # type: ignore[misc]
                data, data_type, metadata, flags=flags
            )
        if caproto.native_type(data_type) == ChannelType.STRING:
            chars = bytes(data[0]) if len(data) else b""
        else:
            chars = np.asarray(data).astype(np.uint8).tobytes()
        return await self.write(decode_text(chars), flags=flags)  # type: ignore[attr-defined]

    async def _read(self, data_type: int) -> tuple[object, object]:
        if data_type in (ChannelType.STSACK_STRING, ChannelType.CLASS_NAME):
            return await super()._read(data_type)  # type: ignore[misc,no-any-return]
        chars = encode_text(str(self._data["value"]))
        native = caproto.native_type(ChannelType(int(data_type)))
        values: object
        if native == ChannelType.STRING:
            values = caproto.DbrStringArray([cut_text(chars, STRING_BYTES)])
        elif native == ChannelType.CHAR:
            values = np.frombuffer(chars, np.uint8)
        else:
            values = np.frombuffer(chars, np.uint8).astype(
                caproto.backend.type_map[native]
            )
        return await self._dbr_metadata(data_type), values

    async def _dbr_metadata(self, data_type: int) -> object:
        if int(data_type) < 7:
            return b""
        metadata = caproto.DBR_TYPES[ChannelType(int(data_type))]()
        self._read_metadata(metadata)  # type: ignore[attr-defined]
        alarm = self.alarm  # type: ignore[attr-defined]
        metadata.status, metadata.severity = alarm.status, alarm.severity
        return metadata


class LongString(_LongText, PvpropertyChar):  # type: ignore[misc]
    """A long string that clients may write."""


class LongStringRO(_LongText, PvpropertyCharRO):  # type: ignore[misc]
    """A long string that clients may only read."""
