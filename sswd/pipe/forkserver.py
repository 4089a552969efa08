"""What the IOC and its fork server say to each other, over a socket pair.

One request, one answer, and so on; the fork server speaks first, when it is ready. The
descriptors of the worker's pipes go with the request.

Threading model: the IOC's loop at one end, the only thread of the fork server at the
other.
"""

import array
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from sswd.errors import PipeClosed

ENTRY = "sswd.worker.forkserver:main"
NAME = "forkserver"
MARK_ROOM = 200
"""The name in the fork server's mark is so long: room for those of its workers."""
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    "1",
)
"""Variables with which the import of numpy starts no thread."""
_LENGTH = 8
_DESCRIPTORS = 8
_ITEM = array.array("i").itemsize


class Request(msgspec.Struct):
    """A worker to be."""

    spec: bytes
    """A WorkerSpec, encoded."""
    mark: str
    environ: bytes
    """All its variables, "NAME=value" with a zero byte after each."""
    prepared: dict[str, Any]
    """As multiprocess prepares a spawned process: its path, arguments, directory."""
    ioc: int
    """The process that it must find as its parent."""


class Answer(msgspec.Struct):
    """One of three."""

    pid: int = 0
    errno: int = 0
    """The host has no process or descriptor left."""
    refusal: str = ""
    """Why nothing may be forked."""


T = TypeVar("T", Request, Answer)


def send(
    to: socket.socket, message: Request | Answer, descriptors: Sequence[int] = ()
) -> None:
    """Raises OSError, and UnicodeEncodeError for a text that is none."""
    data = msgspec.msgpack.encode(message)
    head = len(data).to_bytes(_LENGTH, "little")
    if descriptors:
        socket.send_fds(to, [head], descriptors)
    else:
        to.sendall(head)
    to.sendall(data)


def receive(of: socket.socket, kind: type[T]) -> tuple[T, list[int]]:
    """A message and the descriptors that came with it, which programs do not inherit.

    Raises PipeClosed at the end of the other side, OSError and msgspec.MsgspecError.
    """
    space = socket.CMSG_LEN(_DESCRIPTORS * _ITEM)
    head, controls, _, _ = of.recvmsg(_LENGTH, space, socket.MSG_CMSG_CLOEXEC)
    numbers = array.array("i")
    for level, what, data in controls:
        if (level, what) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(data[: len(data) // _ITEM * _ITEM])
    head += _exactly(of, _LENGTH - len(head))
    body = _exactly(of, int.from_bytes(head, "little"))
    return msgspec.msgpack.decode(body, type=kind), list(numbers)


def _exactly(of: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = of.recv(size - len(data))
        if not part:
            raise PipeClosed("the other side has ended")
        data += part
    return bytes(data)


def packed(environ: Mapping[bytes, bytes]) -> bytes:
    """Variables as one text."""
    return b"".join(b"%s=%s\0" % item for item in environ.items())


def replace_environ(text: bytes) -> None:
    """Make these the variables of this process; the inverse of `packed`."""
    for name in list(os.environb):
        del os.environb[name]
    for variable in text.split(b"\0")[:-1]:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
