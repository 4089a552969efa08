"""One end of a pipe: frames in, frames out; the end of the other side is PipeClosed.

Works on file descriptors, blocking (worker) and non-blocking (IOC) alike. A frame that
was cut by the sender's death is dropped with the PipeClosed.

Threading model: one thread at a time per object; the owner holds the lock if several
threads share an end.
"""

import os
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from sswd.errors import PipeClosed, ProtocolError
from sswd.pipe.codec import (
    HEADER,
    MAX_BODY,
    MAX_HEAD,
    Buffer,
    MessageDecoder,
    MessageEncoder,
)
from sswd.pipe.protocol import Message

READ_BYTES = 65536
_MAX_BUFFERS = 512  # of one writev; IOV_MAX is 1024

M = TypeVar("M")


@dataclass
class FrameLimits:
    """What one frame may announce, in bytes; may be raised at any time."""

    head: int = MAX_HEAD
    body: int = MAX_BODY


class FrameReader(Generic[M]):
    """Cuts messages from the bytes that arrive at `fd`."""

    def __init__(
        self, fd: int, decoder: MessageDecoder[M], limits: FrameLimits | None = None
    ) -> None:
        self._fd = fd
        self._decoder = decoder
        self._limits = limits or FrameLimits()
        self.frames = 0
        """Frames that were complete so far."""
        self._rest = bytearray()
        self._head = b""
        self._body: npt.NDArray[np.uint8] | None = None
        self._filled = 0
        self.found_nothing = False
        """Whether the last read found nothing (non-blocking fd)."""
        self.was_short = False
        """Whether the last read took all that was there."""

    @property
    def has_part(self) -> bool:
        """Whether a frame has begun that is not complete."""
        return self._body is not None or bool(self._rest)

    def read(self) -> list[M]:
        """Read once and return the messages that are complete now.

        A frame beyond the limits is looked at again with the next bytes if messages
        came before it: the caller may raise the limits for them.

        Empty when nothing was there on a non-blocking fd, or only a part. Raises
        PipeClosed at EOF or reset, ProtocolError on bytes that are no message.
        """
        self.found_nothing = False
        try:
            if self._body is not None:
                return self._read_body(self._body)
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            self.found_nothing = True
            return []
        except OSError as ex:
            raise PipeClosed(f"read failed: {ex.strerror}") from ex
        if not data:
            raise PipeClosed("end of file" + (" in a message" if self._rest else ""))
        self.was_short = len(data) < READ_BYTES
        if not self._rest:  # as nearly always
            messages, used = self._cut(data)
            self._rest += data[used:]
            return messages
        self._rest += data
        messages, used = self._cut(self._rest)
        del self._rest[:used]
        return messages

    def _read_body(self, body: npt.NDArray[np.uint8]) -> list[M]:
        """Large bodies are read straight into the array they become."""
        n = os.readv(self._fd, [body[self._filled :].data])
        if not n:
            raise PipeClosed("end of file in a message")
        self.was_short = n < len(body) - self._filled
        self._filled += n
        if self._filled < len(body):
            return []
        self._body = None
        self.frames += 1
        return [self._decoder.decode(self._head, body)]

    def _cut(self, data: bytes | bytearray) -> tuple[list[M], int]:
        """The messages that are complete in `data`, and how many bytes they took."""
        messages: list[M] = []
        offset, end = 0, len(data)
        while end - offset >= HEADER.size:
            head_size, body_size = HEADER.unpack_from(data, offset)
            if head_size > self._limits.head or body_size > self._limits.body:
                if (
                    messages
                    and head_size <= self._limits.head
                    and body_size <= MAX_BODY
                ):
                    break  # what was said before it may raise the limits
                raise ProtocolError(f"frame of {head_size} + {body_size} bytes")
            start = offset + HEADER.size
            body_start = start + head_size
            if body_start > end:
                break
            head = bytes(data[start:body_start])
            if not body_size:
                messages.append(self._decoder.decode(head))
                offset = body_start
                continue
            body = np.empty(body_size, np.uint8)
            there = min(body_size, end - body_start)
            body[:there] = np.frombuffer(data[body_start : body_start + there], "u1")
            offset = body_start + there
            if there < body_size:
                self._head, self._body, self._filled = head, body, there
                break
            messages.append(self._decoder.decode(head, body))
        self.frames += len(messages)
        return messages, offset


class FrameWriter:
    """Writes messages to `fd`; what a non-blocking fd does not take waits here."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._encoder = MessageEncoder()
        self._unsent: deque[Buffer] = deque()

    @property
    def owes(self) -> bool:
        """Whether bytes wait for the fd to take more."""
        return bool(self._unsent)

    def send(self, message: Message) -> None:
        """Encode, append, and write as far as the fd takes it. Raises PipeClosed."""
        self._unsent.extend(self._encoder.encode(message))
        self.flush()

    def flush(self) -> None:
        """Write what waits, as far as the fd takes it. Raises PipeClosed."""
        unsent = self._unsent
        while unsent:
            try:
                if len(unsent) == 1:
                    n = os.write(self._fd, unsent[0])
                else:
                    n = os.writev(self._fd, self._first_buffers())
            except BlockingIOError:
                return
            except OSError as ex:
                raise PipeClosed(f"write failed: {ex.strerror}") from ex
            while unsent and n >= len(unsent[0]):
                n -= len(unsent.popleft())
            if n:
                unsent[0] = memoryview(unsent[0])[n:]

    def drop(self) -> None:
        """Forget what waits: the reader is gone."""
        self._unsent.clear()

    def _first_buffers(self) -> list[Buffer]:
        if len(self._unsent) <= _MAX_BUFFERS:
            return list(self._unsent)
        return [self._unsent[i] for i in range(_MAX_BUFFERS)]
