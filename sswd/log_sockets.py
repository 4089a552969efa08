"""The log for journald, with fields, and for syslog. Datagrams: nobody is waited for.

journald's native protocol is lines KEY=VALUE, or KEY, the length and the bytes where a
value has several lines. Syslog's is RFC 3164, as the standard library's SysLogHandler
has it; that one's sockets may block, with the thread that logs.
"""

import contextlib
import logging
import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from logging.handlers import SysLogHandler

from sswd.config.rules import host_and_port
from sswd.logs import (
    LineHandler,
    TextLines,
    also_logging,
    fields_of,
    text_of,
    trace_of,
)
from sswd.ratelimit import Clock

log = logging.getLogger("sswd.log")

JOURNAL = "/run/systemd/journal/socket"
IDENTIFIER = "sswd"
SEND_S = 1.0
BACK_S = 5.0
"""A UDP socket that was refused is well when so long it was not."""
SYSLOG_BYTES = 8192
"""More is cut: what a syslog daemon takes, and a datagram."""
MESSAGE_BYTES, FIELD_BYTES, FIELDS = 65_536, 1024, 50
"""More is cut or left out for journald: Linux takes datagrams of 200 kB."""
_LENGTH = struct.Struct("<Q")
_KEY = re.compile(r"[^A-Z0-9_]")
_PRIORITIES = ((50, 2), (40, 3), (30, 4), (20, 6), (0, 7))
"""(least level, priority): critical, error, warning, info, debug."""


def priority_of(level: int) -> int:
    """Syslog's number for a level of logging."""
    return next(number for least, number in _PRIORITIES if level >= least or not least)


class JournalFields(logging.Formatter):
    """One event as journald's fields; bytes in a str, for DatagramStream."""

    def format(self, record: logging.LogRecord) -> str:
        """MESSAGE with the traceback, PRIORITY, LOGGER, THREAD_NAME and what `extra=`
        gave, in capitals behind SSWD_."""
        message = "\n".join(filter(None, (text_of(record), trace_of(record))))
        found = {
            "MESSAGE": _cut(message, MESSAGE_BYTES),
            "PRIORITY": str(priority_of(record.levelno)),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "LOGGER": record.name,
            "THREAD_NAME": record.threadName or "",
        }
        for key, value in list(fields_of(record).items())[:FIELDS]:
            name = "SSWD_" + _KEY.sub("_", key.upper())[:50]
            found[name] = _cut(str(value), FIELD_BYTES)
        return b"".join(_field(k, v) for k, v in found.items()).decode("latin-1")


def _cut(text: str, most: int) -> str:
    """Text of so many bytes at most, and no lone surrogates."""
    data = text[:most].encode("utf-8", "backslashreplace")
    return data[:most].decode("utf-8", "ignore")


def _field(key: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return b"%s=%s\n" % (key.encode(), data)
    return key.encode() + b"\n" + _LENGTH.pack(len(data)) + data + b"\n"


class SyslogLines(TextLines):
    """One event as a line of RFC 3164, facility `daemon`; bytes in a str likewise."""

    def format(self, record: logging.LogRecord) -> str:
        """`<30>sswd[17]: WARNING sswd.ioc: text [run=3]`."""
        facility = SysLogHandler.LOG_DAEMON
        head = f"<{facility << 3 | priority_of(record.levelno)}>"
        line = super().format(record)[len("2026-01-31 12:00:00.123 ") :]
        text = f"{head}{IDENTIFIER}[{os.getpid()}]: {line}"
        return _cut(text, SYSLOG_BYTES).encode().decode("latin-1")


class DatagramStream:
    """Sends each write as a datagram; `write` is for one thread.

    `where` is the path of a socket, or "host:port" or "[::1]:port" for UDP. That it
    cannot be reached is told once, and once when it can be again. By UDP a send fails
    when nobody took the one before it.
    """

    def __init__(self, where: str, what: str, clock: Clock = time.monotonic) -> None:
        self._where, self._what, self._clock = where, what, clock
        self._is_udp = not where.startswith("/")
        self._socket: socket.socket | None = None
        self._lost = 0
        self._first_s: float | None = None
        """When this socket first sent something; None: not since it was made."""

    def write(self, text: str) -> None:
        """One event, whose characters are bytes."""
        try:
            self._send(text.encode("latin-1"))
        except OSError as error:
            self._forget()
            if not self._lost:
                words = "%s at %s cannot be reached: %s; events are lost there"
                log.error(words, self._what, self._where, error.strerror or error)
            was_sent = self._is_udp and isinstance(error, ConnectionRefusedError)
            self._lost += 2 if was_sent else 1
        else:
            if self._lost and self._is_well():
                words = "%s at %s can be reached again; %d events were lost there"
                log.warning(words, self._what, self._where, self._lost)
                self._lost = 0

    def flush(self) -> None:
        """There is no buffer."""

    def close(self) -> None:
        """Close the socket."""
        self._forget()

    def _send(self, data: bytes) -> None:
        if self._socket is None:
            self._socket = self._connected()
        self._socket.send(data)

    def _is_well(self) -> bool:
        """Whether what was sent arrives, as far as a send can tell."""
        if not self._is_udp:
            return True
        now_s = self._clock()
        if self._first_s is None:
            self._first_s = now_s
        return now_s - self._first_s >= BACK_S

    def _connected(self) -> socket.socket:
        if not self._is_udp:
            return _datagrams(socket.AF_UNIX, self._where)
        host, port = host_and_port(self._where)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        # "localhost" has both, and most syslog daemons listen to IPv4 only.
        family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        return _datagrams(family, address)

    def _forget(self) -> None:
        self._first_s = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _datagrams(family: int, address: str | tuple[object, ...]) -> socket.socket:
    """A socket that sends to this address. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.settimeout(SEND_S)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def also_logging_by(stream: DatagramStream, form: logging.Formatter) -> Iterator[None]:
    """Log by a socket, too, within the block; then send what waits, and close it."""
    handler = LineHandler(stream, name="sswd-log-socket", line_end="")
    try:
        with also_logging(handler, form):
            yield
    finally:
        stream.close()
