"""The receiving half of a circuit: from bytes to requests, a turn's worth at a time."""

import asyncio
import socket
import time

from sswd.ioc.ca.circuit.errors import BadRequest
from sswd.ioc.ca.circuit.output import PAUSED, Output
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.protocol import Request
from sswd.ioc.ca.evloop.quick_loop import watch
from sswd.ioc.ca.shared import Shared

_HEADER = protocol.HEADER.unpack_from
_HEADER_SIZE = protocol.HEADER.size
_EXTENDED_SIZE = protocol.EXTENDED_HEADER.size


class Input:
    """Cuts what arrives into messages; a base of Circuit. Loop thread only.

    Bounds: one message of `max_payload` bytes is collected at most; a turn serves
    `Limits.requests_per_turn`, the rest waits for the next turn and is not read while
    the client leaves too many answers unread.
    """

    def __init__(self, shared: Shared, sock: socket.socket) -> None:
        self.shared = shared
        self.limits = shared.limits
        self.counts = shared.counts
        self.loop = asyncio.get_running_loop()
        self.sock = sock
        self.output = Output(sock, self.limits.unsent_bytes, self)
        self.rest = bytearray()
        self._fd = sock.fileno()
        self._needed = 0
        self._resuming = False
        self.born_s = self.last_message_s = time.monotonic()

    def start_reading(self) -> None:
        """Read what arrives, until `stop_reading`."""
        watch(self.loop, self._fd, self.on_readable)

    def stop_reading(self) -> None:
        """Leave what arrives to the kernel, which holds the client back."""
        self.loop.remove_reader(self._fd)

    def on_readable(self) -> None:
        """Take what has arrived and serve a turn's worth of it."""
        if self._resuming:
            return
        buffer = self.shared.buffer
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
        if len(self.rest) >= self._needed:
            data, self.rest = self.rest, bytearray()
            self._serve(data, len(data))

    def resume_reading(self) -> None:
        """The client has taken its answers: read it again."""
        self.start_reading()
        self._read_soon()

    def _read_soon(self) -> None:
        """Serve, in the next turn, what is complete already."""
        if self.rest and not self._needed and not self._resuming:
            self._resuming = True
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._resuming = False
        if not self.output.closed and self.output.pressure is not PAUSED:
            data, self.rest = self.rest, bytearray()
            self._serve(data, len(data))

    def _serve(self, data: bytearray, end: int) -> None:
        try:
            with self.output.flusher:
                done = self._parse(data, end)
        except BadRequest as bad:
            self.refuse(bad)
            return
        if done < end:
            self.rest = data[done:end]
        output = self.output
        output.send_if_free()
        if output.closed:
            return
        if output.pause_if_flooded():
            # It asks but does not read: it is not read either, until it has.
            self.stop_reading()
        else:
            self._read_soon()

    def _parse(self, data: bytearray, end: int) -> int:
        """Serve the complete messages in data[:end]; how far it came.

        `_needed` is then the size of the incomplete message there, or 0 if more can be
        served: the budget is spent, or too many answers wait. Raises BadRequest.
        """
        at, budget, served = 0, self.limits.requests_per_turn, 0
        output = self.output
        self._needed = 0
        while budget > 0 and output.asked_bytes <= output.high and not output.closed:
            if end - at < _HEADER_SIZE:
                self._needed = _HEADER_SIZE
                break
            cmd, size, dtype, count, p1, p2 = _HEADER(data, at)
            start = at + _HEADER_SIZE
            if size & 7:  # extended, or a payload that is not aligned
                if end - at < _EXTENDED_SIZE:
                    self._needed = _EXTENDED_SIZE
                    break
                size, count, start = _long_header(data, at, size)
            after = start + size
            if after > end:
                self._check_size(bytes(data[at:start]), size)
                self._needed = after - at
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
        most = self.shared.max_payload
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

    def replay(self) -> None:
        """The client has taken everything: queue what has changed meanwhile."""
        raise NotImplementedError

    def close(self) -> None:
        """End the circuit."""
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
