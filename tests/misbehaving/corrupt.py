"""A worker that has written over its own pipe: bytes that are no message."""

import os
import socket
import time
from typing import Any

import msgspec

from sswd import System
from sswd.pipe.codec import HEADER, MessageEncoder
from sswd.pipe.protocol import (
    PROTOCOL,
    Declare,
    Failed,
    Failure,
    Finished,
    InputsTaken,
    Leaving,
    Loaded,
    Log,
    Message,
    Post,
    Properties,
    Pulse,
    Ready,
    Update,
)

MESSAGES: dict[str, Message] = {
    "loaded": Loaded(PROTOCOL, {"X": {"type": "float"}}, []),
    "ready": Ready(),
    "pulse": Pulse(),
    "log": Log(20, "x", "words"),
    "failed": Failed("setup", Failure("RuntimeError", "words")),
    "declare": Declare({"X": {"type": "float"}}),
    "properties": Properties("NUMBER", limits=(0.0, 1.0), units="mm", strings=["a"]),
    "taken": InputsTaken(["x"]),
    "leaving": Leaving(),
    "finished": Finished(1, None, [Update("NUMBER", 1, 0.0)]),
    "post": Post([Update("NUMBER", 1, 0.0), Update("values", [1.0], 0.0)]),
}


def frame(message: Message) -> bytes:
    """The bytes of a message."""
    return b"".join(bytes(part) for part in MessageEncoder().encode(message))


def _head(head: bytes) -> bytes:
    return HEADER.pack(len(head), 0) + head


def _posting(value: bytes) -> bytes:
    """A Post with one value that no worker of ours encodes so."""
    update = ["NUMBER", msgspec.Raw(value), 0.0]
    return _head(msgspec.msgpack.encode(["Post", [update]]))


def _huge_log() -> bytes:
    return frame(Log(20, "x", "y" * 3_000_000))


WRONG: dict[str, bytes] = {
    "512 MB announced": HEADER.pack(10, 512 << 20) + b"x" * 10,
    "a head of 400 MB announced": HEADER.pack(400 << 20, 0) + b"x" * 1000,
    "half a frame": frame(MESSAGES["post"])[:20],
    "300,000 numbers": _posting(msgspec.msgpack.encode([1] * 300_000)),
    "300,000 texts": _posting(msgspec.msgpack.encode(["a"] * 300_000)),
    "a million lists": _posting(msgspec.msgpack.encode([[]] * 1_000_000)),
    "a mapping": _posting(msgspec.msgpack.encode({str(n): n for n in range(99_999)})),
    "60,000 updates": _head(msgspec.msgpack.encode(["Post", [["N", 1, 0.0]] * 60_000])),
    "half a body": HEADER.pack(10, 16 << 20) + b"x" * 1000,
    "no message": HEADER.pack(4, 0) + b"nope",
    "zeros": bytes(10_000),
    "a log record of megabytes": _huge_log(),
    "a name of megabytes": frame(Post([Update("x" * 3_000_000, 1, 0.0)])),
    "a time out of range": frame(Post([Update("NUMBER", 1, 1e300)])),
    "an alarm out of range": frame(Post([Update("NUMBER", 1, 0.0)])).replace(
        b"\xc0\xc2", b"\x93\x63\x63\xa1x\xc2"
    ),
    "a failure of megabytes": frame(Failed("x", Failure("A", "b" * 3_000_000))),
}
"""What is written, by name; each ends the run."""


def up() -> socket.socket:
    """The pipe to the IOC: the only socket among the first descriptors."""
    for fd in range(3, 64):
        try:
            found = socket.socket(fileno=os.dup(fd))
        except OSError:
            continue
        if found.family == socket.AF_UNIX:
            return found
    raise AssertionError("no socket")


DRIPS = {"a byte a second": WRONG["half a frame"]}
"""Half a frame, whose rest comes a byte a second."""


FLOODS: dict[str, Message] = {
    "pulse": Pulse(),
    "log": Log(20, "x", "y" * 16_000, "z" * 16_000),
    "post": Post([Update("NUMBER", 1, 0.0)] * 256),
    "unknown": Post([Update(f"no{number}", 1, 0.0) for number in range(256)]),
    "text": Post([Update("TEXT", "x" * 10_000, 0.0)] * 100),
    "loaded": Loaded(PROTOCOL, {f"N{n}": {"type": "float"} for n in range(5000)}, []),
    "failed": Failed("setup", Failure("A", "b" * 4_000, "c" * 16_000)),
    "declare": Declare({f"D{n}": {"type": "float", "precision": 3} for n in range(32)}),
    "properties": Properties("NUMBER", units="u" * 4_000),
    "taken": InputsTaken([f"no{n}" for n in range(1000)]),
}
"""Messages that are valid, and are sent without end and credit."""


def _flood(data: bytes) -> None:
    until_s = time.monotonic() + 2
    with up() as pipe:
        while time.monotonic() < until_s:
            pipe.sendall(data)


class Corrupt(System):
    """Writes what CMD names to the IOC."""

    def io_execute(self, pv_name: str, value: Any) -> None:
        """A name of WRONG, `flood NAME` of FLOODS, or `bytes HEX`."""
        if value == "good":
            self.io_put("NUMBER", 7)
            return
        if value in DRIPS:
            self._drip(DRIPS[value])
        if value.startswith("flood"):
            _flood(frame(FLOODS[value.split()[1]]))
            return
        is_given = value.startswith("bytes")
        data = bytes.fromhex(value.split()[1]) if is_given else WRONG[value]
        with up() as pipe:
            pipe.sendall(data)
        self.sleep(0.2 if is_given else 60)

    def _drip(self, data: bytes) -> None:
        with up() as pipe:
            pipe.sendall(data)
            while True:
                self.sleep(1.0)
                pipe.sendall(b"\x00")
