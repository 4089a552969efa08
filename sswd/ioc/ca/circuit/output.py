"""What is still to be sent to one client: a queue, the socket, and back pressure."""

import asyncio
import enum
import socket
import time
from typing import Protocol

from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.payloads import Buffer, Payload
from sswd.ioc.ca.evloop.flusher import flusher

IOV_MAX = 512
_PACK = protocol.HEADER.pack


class Pressure(enum.IntEnum):
    """How much a client leaves unread. Each level includes those before it; all end
    when the client has taken everything."""

    FREE = 0
    BLOCKED = 1
    """The kernel takes no more bytes for it."""
    CONGESTED = 2
    """Too much waits: its monitors only remember that they have news."""
    PAUSED = 3
    """Too many answers wait: its requests are not read either."""


# In Python 3.11 a member costs a look-up in the metaclass.
FREE, BLOCKED, CONGESTED, PAUSED = Pressure


class Owner(Protocol):
    """What an output needs of its circuit."""

    def replay(self) -> None:
        """The client has taken everything: queue what has changed meanwhile."""
        ...

    def resume_reading(self) -> None:
        """The client has taken its answers: read its requests again."""
        ...

    def close(self) -> None:
        """The connection is broken: end the circuit."""
        ...


class Output:
    """The sending half of a circuit. Loop thread only.

    Bound: `high` bytes (`Limits.unsent_bytes`) plus one payload. Above it monitors only
    remember that they have news (unsent_bytes) and further requests are not read
    (asked_bytes, the answers among them).

    A big payload is a view of the PV's array, not a copy. While it waits it keeps the
    array alive; `keep_copies` ends that, for who runs short of such memory
    (Flusher.keep_copies): a client that never reads must not hold it.
    """

    __slots__ = (
        "_fd",
        "_lent",
        "_loop",
        "_owner",
        "_scattered",
        "_sock",
        "asked_bytes",
        "closed",
        "flusher",
        "high",
        "parts",
        "pressure",
        "progress_s",
        "scheduled",
        "unsent_bytes",
    )

    def __init__(self, sock: socket.socket, high: int, owner: Owner) -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self.flusher = flusher()
        self.parts: list[Buffer] = []
        """The bytes that wait; whoever appends counts them and flushes soon."""
        self.unsent_bytes = 0
        self.asked_bytes = 0
        self.high = high
        self._scattered = False
        self._lent = False
        self.pressure = FREE
        self.scheduled = False
        self.closed = False
        self.progress_s = time.monotonic()
        """When the client last took bytes, or began to take none."""

    # ---- what is queued
    def queue(self, header: bytes, payload: Payload) -> None:
        """Append a message; the caller sees to it that it is flushed."""
        body = payload.body
        self.parts.append(header)
        if isinstance(body, bytes):
            self.parts.append(body)
        else:
            self.parts.extend(body)
            self._scattered = True
            if payload.lent and not self._lent:
                self._lent = True
                self.flusher.lenders.add(self)
        self.unsent_bytes += len(header) + payload.size

    def reply(self, cmd: int, dtype: int, p1: int, p2: int, payload: Payload) -> None:
        """Queue an answer that the client has asked for, and flush soon."""
        size, count = payload.size, payload.elements
        self.queue(protocol.header(cmd, size, dtype, count, p1, p2), payload)
        self.asked_bytes += 16 + size
        self.flush_soon()

    def send_raw(self, message: bytes) -> None:
        """Queue a whole message without payload buffers, and flush soon."""
        self.parts.append(message)
        self.unsent_bytes += len(message)
        self.asked_bytes += len(message)
        self.flush_soon()

    def event(self, dtype: int, status: int, subid: int, payload: Payload) -> None:
        """Queue an event of a monitor and flush soon, at once if too much waits."""
        size, count, body, _ = payload
        if type(body) is bytes and count < protocol.EXTENDED:
            self.parts += (
                _PACK(protocol.EVENT_ADD, size, dtype, count, status, subid),
                body,
            )
            self.unsent_bytes += 16 + size
        else:
            header = protocol.header(
                protocol.EVENT_ADD, size, dtype, count, status, subid
            )
            self.queue(header, payload)
        if self.unsent_bytes > self.high:
            self.flush()
            if self.unsent_bytes > self.high:
                self.pressure = CONGESTED
        elif not self.scheduled:
            self.scheduled = True
            self.flusher.add(self)

    # ---- when it is sent
    def flush_soon(self) -> None:
        """Flush once in this turn of the loop, however often it is asked."""
        if not self.scheduled:
            self.scheduled = True
            self.flusher.add(self)

    def flush(self) -> None:
        """Send what the kernel takes, unless it has said that it takes nothing."""
        self.scheduled = False
        self.send_if_free()

    def send_if_free(self) -> None:
        """As `flush`, without effect on a flush that is due."""
        if self.parts and not self.closed and self.pressure is FREE:
            self._send()

    def _send(self) -> None:
        """Give the kernel what it takes; the rest stays in `parts`."""
        parts = self.parts
        try:
            if not self._scattered:
                data = parts[0] if len(parts) == 1 else b"".join(parts)
                sent = self._sock.send(data)
                parts.clear()
                if sent < len(data):
                    parts.append(memoryview(data)[sent:])
                    self.unsent_bytes -= sent
            while parts:
                self._took(self._sock.sendmsg(parts[:IOV_MAX]))
        except (BlockingIOError, InterruptedError):
            self._would_block()
            return
        except OSError:
            # Not at once: we may be within a ServedPv's walk through its subscribers.
            self.pressure = max(self.pressure, BLOCKED)
            self._loop.call_soon(self._owner.close)
            return
        self.unsent_bytes = self.asked_bytes = 0
        self._scattered = False
        self._lends_nothing()
        if self.pressure is not FREE:
            self._drained()

    def _took(self, sent: int) -> None:
        """Remove `sent` bytes from the head of the queue."""
        parts = self.parts
        self.unsent_bytes -= sent
        gone = 0
        for part in parts:
            if sent < len(part):
                break
            sent -= len(part)
            gone += 1
        del parts[:gone]
        if sent:
            parts[0] = memoryview(parts[0])[sent:]

    # ---- back pressure
    def _would_block(self) -> None:
        if self.pressure is FREE:
            self.pressure = BLOCKED
            self.progress_s = time.monotonic()
            self._loop.add_writer(self._fd, self._on_writable)

    def _drained(self) -> None:
        former, self.pressure = self.pressure, FREE
        self._loop.remove_writer(self._fd)
        if former >= CONGESTED and not self.closed:
            self._owner.replay()
        if former is PAUSED and not self.closed:
            self._owner.resume_reading()

    def _on_writable(self) -> None:
        """The kernel takes bytes again."""
        before = self.unsent_bytes
        self._send()
        if self.unsent_bytes < before:
            self.progress_s = time.monotonic()

    def pause_if_flooded(self) -> bool:
        """Whether the client leaves more answers unread than it may: it is PAUSED."""
        if self.asked_bytes <= self.high:
            return False
        self.pressure = PAUSED
        return True

    # ---- the end
    def keep_copies(self) -> None:
        """Copy the unsent rest of every lent array, so that its owner can reuse it."""
        self.parts[:] = [
            bytes(part) if isinstance(part, memoryview) else part for part in self.parts
        ]
        self._lends_nothing()

    def close(self) -> None:
        """Send nothing any more and let go of what waits."""
        self.closed = True
        self._loop.remove_writer(self._fd)
        self.parts.clear()
        self._lends_nothing()

    def _lends_nothing(self) -> None:
        if self._lent:
            self._lent = False
            self.flusher.lenders.discard(self)
