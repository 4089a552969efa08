"""The mark in a worker's environment by which its processes are found at its end."""

import contextlib
import ctypes
import itertools
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from sswd.guard import VARIABLE

_numbers = itertools.count(1)
_daemons: dict[int, str] = {}


def daemon_mark() -> str:
    """What the marks of all runs of this process begin with."""
    return _daemons.setdefault(os.getpid(), f"{os.getpid()}-{secrets.token_hex(4)}")


def new_mark(system: str) -> str:
    """A mark for one run: "daemon:run:system". No two runs have the same."""
    daemon = daemon_mark()
    name = "".join(c if c.isprintable() and c not in ": " else "_" for c in system)
    return f"{daemon}:{next(_numbers)}:{name}"


@contextlib.contextmanager
def carrying(mark: str, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """Processes that are started within the block carry the mark, and have `env` over
    our variables. Main thread."""
    carried = {**(env or {}), VARIABLE: mark}
    before = {name: os.environ.get(name) for name in carried}
    os.environ.update(carried)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class NoRoomError(Exception):
    """The mark that a process has cannot be found, or has no room for another."""


def change_mark(mark: str) -> None:
    """In a process that was forked: carry this mark instead of the parent's.

    /proc/PID/environ reads the place in memory where the kernel put the variables at
    the start of the program, and a fork has a copy of that. So the mark is written over
    the one there. What Python thinks of the variables is the caller's.

    Raises NoRoomError when it is longer than the mark of the parent.
    """
    place, room = mark_place()
    data = os.fsencode(mark)
    if len(data) > room:
        raise NoRoomError(f"no room for a mark of {len(data)} bytes in {room}")
    ctypes.memmove(place, data.ljust(room, b"\0"), room)


def mark_place() -> tuple[int, int]:
    """(address, bytes) of this process's mark among its first variables.

    Raises NoRoomError when it has none, or /proc does not tell.
    """
    try:
        # The state is the third; env_start and env_end are the 50th and the 51st.
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[50 - 3]), int(fields[51 - 3])
    except (OSError, IndexError, ValueError) as ex:
        raise NoRoomError(f"/proc/self/stat does not tell: {ex}") from ex
    name = f"{VARIABLE}=".encode()
    variables = ctypes.string_at(start, end - start) if start < end else b""
    for variable in variables.split(b"\0"):
        if variable.startswith(name):
            return start + len(name), len(variable) - len(name)
        start += len(variable) + 1
    raise NoRoomError("this process was started without a mark")


def detached_env() -> dict[str, str]:
    """The environment for a program that shall outlive its worker.

    All that a driver starts is ended with its worker. What must stay, an instrument's
    own server for one, is started with this, and in a session of its own::

        subprocess.Popen(["vendord"], env=detached_env(), start_new_session=True)
    """
    return {name: value for name, value in os.environ.items() if name != VARIABLE}
