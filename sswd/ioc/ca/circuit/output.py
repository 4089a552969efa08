"""What is still to be sent to one client: a queue, the socket, and back pressure."""

import asyncio
import socket
import time
from typing import Any

from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.payloads import BIG, Payload
from sswd.ioc.ca.evloop.flusher import flusher
from sswd.ioc.ca.limits import Counts, Limits

IOV_MAX = 512


class Output:
    """The sending half of a circuit. Loop thread only.

    Bound: `Limits.unsent_bytes` plus one payload. Above it monitors only remember that
    they have news (`congested`) and further requests are not read (`asked_bytes`).

    A big payload is a view of the PV's array, not a copy. While it waits it keeps the
    array alive; `keep_copies` ends that, for who runs short of such memory
    (Flusher.keep_copies): a client that never reads must not hold it.
    """

    def __init__(self, sock: socket.socket, limits: Limits, counts: Counts) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.limits = limits
        self.counts = counts
        self.loop = asyncio.get_running_loop()
        self.flusher = flusher()
        self.out: list[Any] = []
        self.unsent_bytes = 0
        self.asked_bytes = 0
        self.high = limits.unsent_bytes
        self.scattered = False
        self.lent = False
        self.blocked = False
        self.congested = False
        self.paused = False
        self.scheduled = False
        self.closed = False
        self.progress_s = time.monotonic()

    def queue(self, header: bytes, payload: Payload) -> None:
        """Append a message; the caller sees to it that it is flushed."""
        self.out.append(header)
        if payload.size < BIG:
            self.out.append(payload.body)
        else:
            self.out.extend(payload.body)
            self.scattered = True
            if payload.lent and not self.lent:
                self.lent = True
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
        self.out.append(message)
        self.unsent_bytes += len(message)
        self.asked_bytes += len(message)
        self.flush_soon()

    def flush_soon(self) -> None:
        """Flush once in this turn of the loop, however often it is asked."""
        if not self.scheduled:
            self.scheduled = True
            self.flusher.add(self)

    def flush(self) -> None:
        """Send what the kernel takes, unless it has said that it takes nothing."""
        self.scheduled = False
        if self.out and not self.closed and not self.blocked:
            self.send()

    def send(self) -> None:
        """Give the kernel what it takes; the rest stays in `out`."""
        out = self.out
        try:
            if not self.scattered:
                data = out[0] if len(out) == 1 else b"".join(out)
                sent = self.sock.send(data)
                out.clear()
                if sent < len(data):
                    out.append(memoryview(data)[sent:])
                    self.unsent_bytes -= sent
            while out:
                self._took(self.sock.sendmsg(out[:IOV_MAX]))
        except (BlockingIOError, InterruptedError):
            self._would_block()
            return
        except OSError:
            # Not at once: we may be within an Entry's walk through its subscribers.
            self.blocked = True
            self.loop.call_soon(self.close)
            return
        self.unsent_bytes = self.asked_bytes = 0
        self.scattered = False
        self._lends_nothing()
        if self.blocked or self.congested or self.paused:
            self._drained()

    def _took(self, sent: int) -> None:
        """Remove `sent` bytes from the head of the queue."""
        out = self.out
        self.unsent_bytes -= sent
        gone = 0
        for part in out:
            if sent < len(part):
                break
            sent -= len(part)
            gone += 1
        del out[:gone]
        if sent:
            out[0] = memoryview(out[0])[sent:]

    def _would_block(self) -> None:
        if not self.blocked:
            self.blocked = True
            self.progress_s = time.monotonic()
            self.loop.add_writer(self.fd, self.on_writable)

    def _drained(self) -> None:
        if self.blocked:
            self.blocked = False
            self.loop.remove_writer(self.fd)
        if self.congested and not self.closed:
            self.congested = False
            self.replay()
        if self.paused and not self.closed:
            self.resume_reading()

    def on_writable(self) -> None:
        """The kernel takes bytes again."""
        before = self.unsent_bytes
        self.send()
        if self.unsent_bytes < before:
            self.progress_s = time.monotonic()

    def flooded(self) -> bool:
        """Whether the client leaves more answers unread than it may."""
        return self.asked_bytes > self.high

    def keep_copies(self) -> None:
        """Copy the unsent rest of every lent array, so that its owner can reuse it."""
        self.out[:] = [
            bytes(part) if isinstance(part, memoryview) else part for part in self.out
        ]
        self._lends_nothing()

    def _lends_nothing(self) -> None:
        if self.lent:
            self.lent = False
            self.flusher.lenders.discard(self)

    def replay(self) -> None:
        """The queue has drained: the subclass encodes what changed meanwhile."""
        raise NotImplementedError

    def resume_reading(self) -> None:
        """The queue has drained: the subclass serves what it had put off."""
        raise NotImplementedError

    def close(self) -> None:
        """The subclass ends the circuit."""
        raise NotImplementedError
