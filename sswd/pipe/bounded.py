"""Long messages from a worker, decoded in bounds: what the IOC's loop may decode.

A message of 2 MiB can hold two million elements, and msgspec takes 0.1 to 3 s to make
them, with the GIL held. A message of ours is that long because of a few texts, or
because a class has thousands of PVs. So of a message of LONG_HEAD bytes and more the
values stay encoded until their kind and their count are known, and the keys of each PV
until it is served. What such a message may hold is bounded by:

| part | bound |
|---|---|
| updates | MAX_UPDATES |
| a value | a scalar, an array beside the head, or a list of texts; no mapping |
| texts in lists, in all updates together | MAX_TEXTS |
| names of PVs | MAX_NAMES of a class, MAX_TOLD of any other message |
| keys of one PV of a class | KEYS_BYTES, decoded when it is served |
| verbs of a class | VERBS_BYTES |
| Declare, Properties | are never long |

Pure. One owner at a time, as any decoder.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.msgpack import Ext
from msgspec.structs import asdict

from sswd.alarm import Alarm
from sswd.errors import ProtocolError
from sswd.pipe.codec import Buffer, FromSlot, MessageDecoder
from sswd.pipe.outline import Outline
from sswd.pipe.protocol import (
    MAX_NAMES,
    MAX_TEXTS,
    MAX_TOLD,
    MAX_UPDATES,
    Failed,
    Failure,
    Finished,
    InputsTaken,
    Loaded,
    Log,
    Name,
    Post,
    ReadState,
    Stamp,
    Up,
    Update,
    Word,
    Words,
)

LONG_HEAD = 64 << 10
"""Bytes, the arrays not counted. What is shorter is decoded in some 2 ms at most."""
KEYS_BYTES = 64 << 10
VERBS_BYTES = 256 << 10


class UndecodedKeys:
    """The keys of one PV that a class declares, as they came."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Raw) -> None:
        self._raw = bytes(raw)

    def decode(self) -> Any:
        """The keys. Raises ProtocolError in words; then the PV cannot be served."""
        if len(self._raw) > KEYS_BYTES:
            raise ProtocolError(
                f"its keys take {len(self._raw)} bytes, and {KEYS_BYTES} are the most; "
                "post a long first value in setup()"
            )
        try:
            return msgspec.msgpack.decode(self._raw, ext_hook=_refuse)
        except (msgspec.DecodeError, ValueError, RecursionError) as ex:
            raise ProtocolError(f"its keys are no keys: {ex}") from ex


def decoded_keys(keys: Any) -> Any:
    """`keys` of a Loaded; decoded now if they are not. Raises ProtocolError."""
    return keys.decode() if isinstance(keys, UndecodedKeys) else keys


class BoundedDecoder(MessageDecoder[Up]):
    """Decodes what a worker sends; for the loop of the IOC."""

    def __init__(self, from_slot: FromSlot | None = None) -> None:
        super().__init__(Up, from_slot)
        self._long: msgspec.msgpack.Decoder[_LongUp] = msgspec.msgpack.Decoder(_LongUp)
        self._any: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(
            ext_hook=self._hook
        )

    def _decode(self, head: Buffer) -> Up:
        if len(head) < LONG_HEAD:
            return super()._decode(head)
        match self._long.decode(head):
            case _Post(updates):
                return Post(self._updates(updates))
            case _Finished(number, failure, posts):
                return Finished(number, failure, self._updates(posts))
            case _Loaded() as loaded:
                return self._loaded(loaded)
            case message:
                return message

    def _updates(self, updates: list["_Update"]) -> list[Update]:
        texts = 0
        found = []
        for update in updates:
            first = memoryview(update.value)
            if _is_map(first):
                raise ValueError("a mapping is no value")
            count = _length(first)
            texts += count or 0
            if texts > MAX_TEXTS:
                raise ValueError(f"{texts} texts in lists, {MAX_TEXTS} are the most")
            value = (
                self._any.decode(update.value)
                if count is None
                else self._texts(update.value)
            )
            found.append(
                Update(
                    update.pv, value, update.stamp_s, update.alarm, update.keeps_value
                )
            )
        return found

    def _texts(self, raw: Raw) -> list[Any]:
        """A list of texts, some of which may be no UTF-8."""
        texts = _TEXTS.decode(raw)
        return [
            self._hook(t.code, memoryview(t.data)) if isinstance(t, Ext) else t
            for t in texts
        ]

    def _loaded(self, loaded: "_Loaded") -> Loaded:
        verbs = memoryview(loaded.verbs)
        if len(verbs) > VERBS_BYTES:
            raise ValueError(f"verbs of {len(verbs)} bytes")
        fields = asdict(loaded)
        fields["pvs"] = {pv: UndecodedKeys(raw) for pv, raw in loaded.pvs.items()}
        fields["verbs"] = _VERBS.decode(verbs)
        return Loaded(**fields)


class _Update(Struct, array_like=True):
    """An Update whose value is not decoded yet."""

    pv: Name
    value: Raw
    stamp_s: Stamp
    alarm: Alarm | None = None
    keeps_value: bool = False


_Updates = Annotated[list[_Update], Meta(max_length=MAX_UPDATES)]


class _Post(Struct, tag="Post", array_like=True):
    updates: _Updates


class _Finished(Struct, tag="Finished", array_like=True):
    id: int
    failure: Failure | None
    posts: _Updates


class _Loaded(Struct, tag="Loaded", array_like=True):
    """The fields of Loaded, in their order."""

    protocol: int
    pvs: Annotated[dict[Word, Raw], Meta(max_length=MAX_NAMES)]
    verbs: Raw
    restored: Annotated[list[Word], Meta(max_length=MAX_TOLD)] = []
    warnings: Annotated[list[Words], Meta(max_length=1_000)] = []
    in_order: Annotated[list[Name], Meta(max_length=MAX_TOLD)] = []
    has_connect: bool = False
    takes_setpoints: bool = False
    reads_language: bool = True
    outline: Outline | None = None


_LongUp = _Post | _Finished | _Loaded | Log | Failed | ReadState | InputsTaken
_TEXTS: msgspec.msgpack.Decoder[list[str | Ext]] = msgspec.msgpack.Decoder(
    list[str | Ext]
)
_VERBS: msgspec.msgpack.Decoder[list[Any]] = msgspec.msgpack.Decoder(list[Any])


def _is_map(encoded: memoryview) -> bool:
    return encoded[0] & 0xF0 == 0x80 or encoded[0] in (0xDE, 0xDF)


def _length(encoded: memoryview) -> int | None:
    """Elements of a list in msgpack; None: it is none."""
    first = encoded[0]
    if first & 0xF0 == 0x90:
        return first & 0x0F
    if first in (0xDC, 0xDD):
        return int.from_bytes(encoded[1 : 3 if first == 0xDC else 5], "big")
    return None


def _refuse(_code: int, _data: memoryview) -> object:
    raise ValueError("an array; give a list")
