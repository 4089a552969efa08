"""The receiving half of a circuit: from bytes to requests, a turn's worth at a time."""

import socket
import time
from typing import TYPE_CHECKING

from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.circuit.output import Output
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.protocol import Request
from sswd.ioc.ca.evloop.quick_loop import watch

if TYPE_CHECKING:
    from sswd.ioc.ca.server.context import Context

_HEADER = protocol.HEADER.unpack_from
_HEADER_SIZE = protocol.HEADER.size
_EXTENDED_SIZE = protocol.EXTENDED_HEADER.size


class Input(Output):
    """Cuts what arrives into messages. Loop thread only.

    Bounds: one message of `max_payload` bytes is collected at most; a turn serves
    `Limits.requests_per_turn`, the rest waits for the next turn and is not read while
    the client leaves too many answers unread.
    """

    def __init__(self, context: "Context", sock: socket.socket) -> None:
        super().__init__(sock, context.limits, context.counts)
        self.context = context
        self.rest = bytearray()
        self.needed = 0
        self.resuming = False
        self.born_s = self.last_message_s = time.monotonic()

    def on_readable(self) -> None:
        """Take what has arrived and serve a turn's worth of it."""
        if self.resuming:
            return
        buffer = self.context.buffer
        try:
            size = self.sock.recv_into(buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            size = 0
        if not size:
            self.close()
            return
        self.last_message_s = time.monotonic()
        if not self.rest:
            self._serve(buffer, size)
            return
        self.rest += memoryview(buffer)[:size]
        if len(self.rest) >= self.needed:
            data, self.rest = self.rest, bytearray()
            self._serve(data, len(data))

    def resume_reading(self) -> None:
        """The client has taken its answers: read it again."""
        self.paused = False
        watch(self.loop, self.fd, self.on_readable)
        self._read_soon()

    def _read_soon(self) -> None:
        """Serve, in the next turn, what is complete already."""
        if self.rest and not self.needed and not self.resuming:
            self.resuming = True
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self.resuming = False
        if not self.closed and not self.paused:
            data, self.rest = self.rest, bytearray()
            self._serve(data, len(data))

    def _serve(self, data: bytearray, end: int) -> None:
        try:
            with self.flusher:
                done = self._parse(data, end)
        except BadRequest as bad:
            self.refuse(bad)
            return
        if done < end:
            self.rest = data[done:end]
        if self.out and not self.blocked and not self.closed:
            self.send()
        if self.closed:
            return
        if self.flooded():
            # It asks but does not read: it is not read either, until it has.
            self.paused = True
            self.loop.remove_reader(self.fd)
        else:
            self._read_soon()

    def _parse(self, data: bytearray, end: int) -> int:
        """Serve the complete messages in data[:end]; how far it came.

        `needed` is then the size of the incomplete message there, or 0 if more can be
        served: the budget is spent, or too many answers wait. Raises BadRequest.
        """
        at, budget, served = 0, self.limits.requests_per_turn, 0
        self.needed = 0
        while budget > 0 and self.asked_bytes <= self.high and not self.closed:
            if end - at < _HEADER_SIZE:
                self.needed = _HEADER_SIZE
                break
            cmd, size, dtype, count, p1, p2 = _HEADER(data, at)
            start = at + _HEADER_SIZE
            if size & 7:  # extended, or a payload that is not aligned
                if end - at < _EXTENDED_SIZE:
                    self.needed = _EXTENDED_SIZE
                    break
                size, count, start = _long_header(data, at, size)
            after = start + size
            if after > end:
                self._check_size(bytes(data[at:start]), size)
                self.needed = after - at
                break
            if cmd == protocol.READ_NOTIFY:
                gets = self.gets(data, at, end, budget)
                if gets:
                    served += gets
                    budget -= gets
                    at += gets * _HEADER_SIZE
                    continue
            head = bytes(data[at:start])
            body = bytes(memoryview(data)[start:after])
            budget -= self.handle(Request(cmd, dtype, count, p1, p2, body, head))
            served += 1
            at = after
        self.counts.requests += served
        return at

    def _check_size(self, head: bytes, size: int) -> None:
        most = self.context.max_payload
        if size > most:
            raise BadRequest(
                f"a message of {size} bytes is more than the {most} that this server "
                "takes (EPICS_CA_MAX_ARRAY_BYTES)",
                protocol.TOLARGE,
                head=head,
            )

    def gets(self, data: bytearray, at: int, end: int, budget: int) -> int:
        """Answer READ_NOTIFYs from `at` on the quick way; how many: the next needs
        `handle`, or is none."""
        raise NotImplementedError

    def handle(self, request: Request) -> int:
        """Serve a request; what it costs of the budget. Raises BadRequest."""
        raise NotImplementedError

    def refuse(self, bad: BadRequest) -> None:
        """Tell the client and end the circuit."""
        raise NotImplementedError


def _long_header(data: bytearray, at: int, size: int) -> tuple[int, int, int]:
    """(payload size, count, where the payload starts) behind an extended header."""
    start = at + _HEADER_SIZE
    if size == protocol.EXTENDED:
        size, count = protocol.EXTENSION.unpack_from(data, start)
        start = at + _EXTENDED_SIZE
        if not size & 7:
            return size, count, start
    head = bytes(data[at:start])
    raise BadRequest("CAS: Missaligned protocol rejected", head=head)
