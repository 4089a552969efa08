"""supervisord's protocol for event listeners, on standard input and output.

READY, a line that describes an event, its payload, RESULT; and again. Blocks.
"""

from collections.abc import Iterator
from typing import BinaryIO

MAX_PAYLOAD = 1 << 20
"""Bytes of one event."""


class BrokenProtocolError(Exception):
    """What came is no event; supervisord starts the listener anew."""


def events(stdin: BinaryIO, stdout: BinaryIO) -> Iterator[str]:
    """The name of each event, until supervisord ends; the next is asked for when the
    caller comes back, and that is when this one counts as handled.

    Raises BrokenProtocolError.
    """
    while True:
        _say(stdout, b"READY\n")
        line = stdin.readline()
        if not line:
            return
        header = header_of(line)
        stdin.read(_length(header))
        yield header.get("eventname", "")
        _say(stdout, b"RESULT 2\nOK")


def header_of(line: bytes) -> dict[str, str]:
    """ "ver:3.0 eventname:TICK_5 len:15" as a table. Pure."""
    words = (word.partition(":") for word in line.decode(errors="replace").split())
    return {name: value for name, _, value in words}


def _length(header: dict[str, str]) -> int:
    text = header.get("len", "")
    if not text.isdecimal() or int(text) > MAX_PAYLOAD:
        raise BrokenProtocolError(f"no event of supervisord: len is {text!r}")
    return int(text)


def _say(stdout: BinaryIO, words: bytes) -> None:
    stdout.write(words)
    stdout.flush()
