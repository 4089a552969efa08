"""Start a worker with another interpreter: `python` of a system.

Nothing is pickled on the way: the other interpreter may have another version of Python,
of multiprocess, of anything but sswd, whose version of the pipe is checked first. What
it says until its log is connected goes to the worker's stderr, and so to LAST_ERROR.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from multiprocess.connection import Connection

from sswd.exit_codes import BAD_CONFIGURATION
from sswd.pipe.entry import enter
from sswd.pipe.protocol import PROTOCOL
from sswd.version import __version__

_BEGIN = """\
import os, sys
os.dup2({stdio}, 2)
try:
    from sswd.pipe.other_python import main
except ImportError as error:
    sys.exit(f"{{sys.executable}} has no sswd, or another one: {{error}}; "
             "install sswd {version} there")
main({payload})
"""


class Payload(msgspec.Struct):
    """What the other interpreter is told, by a pipe."""

    protocol: int
    version: str
    """Of the IOC's sswd, for the words."""
    entry: str
    """ "module:function"."""
    spec: bytes
    descriptors: list[int]
    """Those of the pipes, which have the same numbers there."""


def check_python(python: str) -> None:
    """Raises OSError in words for what cannot be run: the spawn would not tell."""
    if not Path(python).is_file():
        raise FileNotFoundError(f"python = {python!r}: there is no such file")
    if not os.access(python, os.X_OK):
        raise PermissionError(f"python = {python!r}: it is no program for this user")


def command_line(python: str, payload: int, stdio: int) -> list[str]:
    """How to start it; `payload` and `stdio` are descriptors that it inherits."""
    begin = _BEGIN.format(stdio=stdio, payload=payload, version=__version__)
    # Not with the current directory on its path: the system's folder is put there.
    return [python, "-P", "-c", begin]


def payload_of(entry: str, spec: bytes, pipes: Sequence[Connection]) -> bytes:
    """What is to be written into the pipe."""
    numbers = [pipe.fileno() for pipe in pipes]
    told = Payload(PROTOCOL, __version__, entry, spec, numbers)
    return msgspec.msgpack.encode(told)


def main(descriptor: int) -> None:
    """In the other interpreter: be told, and be the worker."""
    with os.fdopen(descriptor, "rb") as pipe:
        data = pipe.read()
    told = msgspec.msgpack.decode(data, type=_Head)
    if told.protocol != PROTOCOL:
        sys.stderr.write(
            f"{sys.executable} has sswd {__version__} with version {PROTOCOL} of "
            f"the pipe, the IOC has sswd {told.version} with version {told.protocol}; "
            f"install sswd {told.version} there\n"
        )
        sys.exit(BAD_CONFIGURATION)
    payload = msgspec.msgpack.decode(data, type=Payload)
    pipes = [Connection(number) for number in payload.descriptors]
    enter(payload.entry, payload.spec, *pipes)


class _Head(msgspec.Struct):
    """As much of a payload as every version has."""

    protocol: int
    version: str
