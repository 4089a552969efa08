"""Events as journald's fields and syslog's lines, and a socket that is not there."""

import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.log_sockets import (
    DatagramStream,
    JournalFields,
    SyslogLines,
    also_logging_by,
    priority_of,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[socket.socket]:
    """A datagram socket at tmp_path/log, with a deadline."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "log"))
        sock.settimeout(10)
        yield sock


def fields(data: bytes) -> dict[str, str]:
    """Of one entry, by journald's description of its native protocol."""
    found = {}
    while data:
        line, _, data = data.partition(b"\n")
        key, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack_from("<Q", data)
            value, data = data[8 : 8 + size], data[8 + size :]
            assert data[:1] == b"\n"
            data = data[1:]
        found[key.decode()] = value.decode()
    return found


def record(level: int = logging.WARNING, text: str = "a text", **extra: object):
    made = logging.makeLogRecord(
        {"name": "sswd.ioc", "levelno": level, "levelname": logging.getLevelName(level)}
    )
    made.msg = text
    vars(made).update(extra)
    return made


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
        (35, 4),
        (1, 7),
        (0, 7),
    ],
)
def test_levels_are_syslogs_priorities(level: int, priority: int) -> None:
    assert priority_of(level) == priority


def test_the_journal_has_what_an_event_has() -> None:
    text = "größe\nsecond line"
    made = record(text=text, run=3, **{"odd key=x": "1\n2"})
    found = fields(JournalFields().format(made).encode("latin-1"))
    assert found["MESSAGE"] == text
    assert found["PRIORITY"] == "4"
    assert found["SYSLOG_IDENTIFIER"] == "sswd"
    assert found["LOGGER"] == "sswd.ioc"
    assert found["SSWD_RUN"] == "3"
    assert found["SSWD_ODD_KEY_X"] == "1\n2"


def test_a_traceback_is_part_of_the_message() -> None:
    made = record(exc_text="Traceback:\n  ValueError: x")
    found = fields(JournalFields().format(made).encode("latin-1"))
    assert found["MESSAGE"] == "a text\nTraceback:\n  ValueError: x"


def test_syslog_has_a_line() -> None:
    line = SyslogLines().format(record(run=3)).encode("latin-1").decode()
    assert line == f"<28>sswd[{os.getpid()}]: WARNING sswd.ioc: a text [run=3]"
    long = SyslogLines().format(record(text="x" * 20_000)).encode("latin-1")
    assert len(long) == 8192
    odd = SyslogLines().format(record(text="\udcff\n<1>forged"))
    assert "\n" not in odd


@pytest.mark.parametrize("form", [JournalFields, SyslogLines])
def test_events_arrive(server: socket.socket, tmp_path: Path, form: type) -> None:
    with also_logging_by(DatagramStream(str(tmp_path / "log"), "x"), form()):
        logging.getLogger("sswd.test").error("one %s", "event")
        assert b"one event" in server.recv(10_000)


@pytest.mark.parametrize("long", ["x", "größe ", "\n"])
def test_the_journal_takes_the_longest_event(
    server: socket.socket,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    long: str,
) -> None:
    """Of all that is long, and far above what a socket takes."""
    more = {f"field_{number}": long * 300_000 for number in range(60)}
    made = record(text=long * 300_000, **more)
    stream = DatagramStream(str(tmp_path / "log"), "the journal")
    stream.write(JournalFields().format(made))
    stream.close()
    assert caplog.text == ""
    found = fields(server.recv(1_000_000))
    assert len(found["MESSAGE"].encode()) > 65_500
    assert found["MESSAGE"] == (long * 300_000)[: len(found["MESSAGE"])]


@pytest.mark.parametrize(
    ("family", "host", "shown"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "127.0.0.1", "localhost"),
        (socket.AF_INET6, "::1", "[::1]"),
    ],
)
def test_udp_is_a_host_and_a_port(family: int, host: str, shown: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.settimeout(10)
        stream = DatagramStream(f"{shown}:{sock.getsockname()[1]}", "syslog")
        stream.write("hello")
        stream.close()
        assert sock.recv(100) == b"hello"


def test_a_socket_that_is_not_there_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log"
    stream = DatagramStream(str(path), "the journal")
    for _ in range(3):
        stream.write("lost")
    assert caplog.text.count(f"the journal at {path} cannot be reached: ") == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(10)
        stream.write("back")
        assert sock.recv(100) == b"back"
        stream.close()
    assert f"the journal at {path} can be reached again; 3 events" in caplog.text


def test_udp_that_nobody_takes_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 100.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = sock.getsockname()
    where = f"127.0.0.1:{address[1]}"
    stream = DatagramStream(where, "syslog", lambda: now_s)
    for _ in range(6):
        stream.write("lost")
        now_s += 60.0
    [told] = [each.getMessage() for each in caplog.records]
    words = f"syslog at {where} cannot be reached: Connection refused; "
    assert told == f"{words}events are lost there"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        for _ in range(4):
            stream.write("back")
            now_s += 2.0
        stream.close()
    told = caplog.records[-1].getMessage()
    assert told == f"syslog at {where} can be reached again; 6 events were lost there"
    assert len(caplog.records) == 2
