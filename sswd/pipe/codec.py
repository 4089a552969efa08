"""Messages and arrays <-> bytes. Never pickle.

A frame is an 8-byte header (two little-endian uint32: bytes of the head, bytes of the
body), the head (msgpack of the message) and the body: the raw bytes of the arrays in
the message, each padded to 8, in the order in which the head mentions them. Arrays in
msgpack itself would cost a factor of 2 to 4.
"""

import gc
import struct
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from sswd.errors import ProtocolError, UnsendableError
from sswd.pipe.protocol import Message

HEADER = struct.Struct("<II")
MAX_HEAD = 512 << 20
MAX_BODY = 2 << 30
"""Of a frame from the IOC. What a worker may send is less: FrameLimits."""
_ARRAY = 1
_UNSENDABLE = 2
_SLOT = 3
_RAW_TEXT = 4
_LONG = 256 << 10
"""Bytes of what takes so long to decode that care is taken."""
_DESCRIBED = 1_024
"""Bytes of what describes an array."""
_REASON = 16_384
"""Bytes of the words why a value could not be sent."""
_PADDING = bytes(8)
_NO_BODY: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
Buffer = bytes | memoryview
MAX_DIMENSIONS = 32  # those of numpy 1

M = TypeVar("M")


LARGE = 1 << 20
"""Bytes; an array from this size costs LARGE_CREDITS instead of one."""
LARGE_CREDITS = 4


def is_large(value: object) -> bool:
    """Whether it is an array that is paid for as a large one."""
    return isinstance(value, SlotRef) or (
        isinstance(value, np.ndarray) and value.nbytes >= LARGE
    )


class SlotRef:
    """Stands for an array that lies in a slot of the shared memory.

    No tuple or dataclass: msgspec would write those without asking our hook.
    """

    __slots__ = ("dtype", "shape", "slot")

    def __init__(self, slot: int, dtype: str, shape: tuple[int, ...]) -> None:
        self.slot, self.dtype, self.shape = slot, dtype, shape


FromSlot = Callable[[SlotRef], npt.NDArray[Any]]
"""The array of a SlotRef; ValueError when there is no such slot."""


def credits_of(values: Iterable[object]) -> int:
    """What a Post with these values costs; both ends reckon with this."""
    return LARGE_CREDITS if any(map(is_large, values)) else 1


class Unsendable:
    """Stands for a posted value that cannot cross the pipe; the IOC refuses it."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"<unsendable: {self.reason}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unsendable) and other.reason == self.reason

    def __hash__(self) -> int:
        return hash(self.reason)


class RawText(str):
    """Text with lone surrogates: a client's bytes that are no UTF-8. It arrives as the
    str that it is; msgpack has no word for it, so it needs our hook."""

    __slots__ = ()


def sendable(value: Any) -> Any:
    """`value`, which may hold such text, as an Execute or Restore carries it."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return RawText(value)
    elif isinstance(value, list | tuple):
        return [sendable(v) for v in value]
    return value


class Encoded:
    """A value that is encoded already, for a message that is written later.

    No tuple or dataclass: msgspec would write those without asking our hook.
    """

    __slots__ = ("arrays", "head")

    def __init__(self, head: bytes, arrays: list[npt.NDArray[Any]]) -> None:
        self.head, self.arrays = msgspec.Raw(head), arrays


def encoded(value: object) -> object:
    """`value` as an Execute carries it. What may be refused is encoded now, and once.

    Raises UnsendableError with words for what cannot cross the pipe.
    """
    if type(value) is str:
        return sendable(value)
    if type(value) in (float, bool, bytes):
        return value
    try:
        return MessageEncoder().encode_value(sendable(value))
    except (
        TypeError,
        NotImplementedError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as ex:
        raise UnsendableError(
            f"a {type(value).__name__} cannot be sent to the worker ({ex})"
        ) from ex


_DTYPES = {
    np.dtype(order + code).str: np.dtype(order + code)
    for code in ("?", "i1", "u1", "i2", "u2", "f2", "i4", "u4", "f4", "i8", "u8", "f8")
    for order in "<>"
}


def array_size(name: str, shape: tuple[int, ...]) -> tuple[np.dtype[Any], int]:
    """(dtype, bytes) of an array that is told of; ValueError: none of ours."""
    dtype = _DTYPES.get(name)
    if dtype is None:
        raise ValueError(f"dtype {name[:20]!r} is not sent")
    if len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"an array of {len(shape)} dimensions")
    size = dtype.itemsize
    for n in shape:
        if n < 0:
            raise ValueError("negative array shape")
        size *= n
    return dtype, size


class MessageEncoder:
    """Message -> buffers to be written one after the other.

    Threading model: one owner at a time (the holder of the write lock).
    """

    def __init__(self) -> None:
        self._arrays: list[npt.NDArray[Any]] = []
        self._encoder = msgspec.msgpack.Encoder(enc_hook=self._hook)

    def encode(self, message: Message) -> list[Buffer]:
        """Encode; the arrays in `message` are referenced, not copied."""
        self._arrays.clear()
        head = self._encoder.encode(message)
        if not self._arrays:
            return [HEADER.pack(len(head), 0) + head]
        body: list[Buffer] = []
        size = 0
        for array in self._arrays:
            if array.nbytes:
                body.append(array.reshape(-1).view(np.uint8).data)
            pad = -array.nbytes % 8
            if pad:
                body.append(_PADDING[:pad])
            size += array.nbytes + pad
        self._arrays.clear()
        return [HEADER.pack(len(head), size) + head, *body]

    def encode_value(self, value: object) -> Encoded:
        """Encode a value alone; its arrays are referenced, not copied."""
        self._arrays.clear()
        return Encoded(self._encoder.encode(value), list(self._arrays))

    def _hook(self, value: object) -> object:
        if isinstance(value, Encoded):
            self._arrays += value.arrays
            return value.head
        if isinstance(value, np.generic):  # what caproto hands to a user's putter
            return value.item()
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            array = np.ascontiguousarray(value)
            self._arrays.append(array)
            described = msgspec.msgpack.encode((array.dtype.str, array.shape))
            return msgspec.msgpack.Ext(_ARRAY, described)
        if isinstance(value, Unsendable):
            return msgspec.msgpack.Ext(_UNSENDABLE, value.reason.encode())
        if isinstance(value, RawText):
            raw = value.encode("utf-8", "surrogatepass")
            return msgspec.msgpack.Ext(_RAW_TEXT, raw)
        if isinstance(value, SlotRef):
            place = (value.slot, value.dtype, value.shape)
            return msgspec.msgpack.Ext(_SLOT, msgspec.msgpack.encode(place))
        raise NotImplementedError(f"{type(value).__name__} is not sent")


class MessageDecoder(Generic[M]):
    """Head and body of a frame -> message, refusing what is none of ours.

    Arrays are views of the body, which the caller must not write again.
    """

    def __init__(self, union: Any, from_slot: FromSlot | None = None) -> None:
        self._from_slot = from_slot
        self._body = _NO_BODY
        self._offset = 0
        self._decoder: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(
            union, ext_hook=self._hook
        )

    def decode(self, head: Buffer, body: npt.NDArray[np.uint8] | None = None) -> M:
        """Raise ProtocolError when the bytes are not one message of the union."""
        self._body, self._offset = _NO_BODY if body is None else body, 0
        is_long = len(head) >= _LONG
        if is_long:
            gc.disable()  # it would go through all that was made, again and again
        try:
            return self._decode(head)
        except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as ex:
            raise ProtocolError(f"not a message: {ex}") from ex
        finally:
            self._body = _NO_BODY
            if is_long:
                gc.enable()

    def _decode(self, head: Buffer) -> M:
        return self._decoder.decode(head)

    def _hook(self, code: int, data: memoryview) -> object:
        if code == _UNSENDABLE:
            return Unsendable(bytes(data[:_REASON]).decode(errors="replace"))
        if code == _RAW_TEXT:
            # Python takes 0.3 us for each surrogate that it lets pass.
            errors = "surrogatepass" if len(data) < _LONG else "replace"
            return bytes(data).decode("utf-8", errors)
        if len(data) > _DESCRIBED:
            raise ValueError(f"an array described in {len(data)} bytes")
        if code == _SLOT and self._from_slot is not None:
            place = msgspec.msgpack.decode(data, type=tuple[int, str, tuple[int, ...]])
            return self._from_slot(SlotRef(*place))
        if code != _ARRAY:
            raise ValueError(f"unknown extension {code}")
        name, shape = msgspec.msgpack.decode(data, type=tuple[str, tuple[int, ...]])
        dtype, size = array_size(name, shape)
        start, self._offset = self._offset, self._offset + size + -size % 8
        if start + size > len(self._body):
            raise ValueError("array longer than the frame's body")
        array = self._body[start : start + size].view(dtype).reshape(shape)
        array.flags.writeable = False
        return array
