"""Where control sockets are: beside the lock of the daemon's first prefix.

The daemon and who asks it may have different environments: a unit of systemd has a
RUNTIME_DIRECTORY, the operator's shell has XDG_RUNTIME_DIR, one of supervisord neither.
So who asks looks into all directories that a daemon may have chosen.
"""

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from sswd.directories import runtime_directories, runtime_directory

SUFFIX = ".sock"
_LONGEST = 100  # sun_path has 108 bytes
_CREDENTIALS = struct.Struct("3i")


def socket_path(stem: str) -> Path:
    """Where the daemon that holds the lock of this name has its socket."""
    return runtime_directory() / f"{stem}{SUFFIX}"


def sockets() -> list[Path]:
    """Sockets that may be those of daemons; some may be left of dead ones."""
    found: list[Path] = []
    for folder in runtime_directories():
        with contextlib.suppress(OSError):  # it is not there, or not for us
            found += sorted(p for p in folder.glob(f"*{SUFFIX}") if _is_socket(p))
    return found


def _is_socket(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISSOCK(path.lstat().st_mode)
    return False


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A path of the same file that fits a socket's address, within the block."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def peer_of(connected: socket.socket) -> tuple[int, int]:
    """(pid, uid) of the process at the other end, as the kernel knows it."""
    data = connected.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
    )
    pid, uid, _ = _CREDENTIALS.unpack(data)
    return pid, uid


def may_ask(uid: int) -> bool:
    """Whether this user may ask our daemon: ourselves, and root."""
    return uid in (0, os.geteuid())


def may_answer(uid: int) -> bool:
    """Whether this user's daemon may be asked by us: any by root, who tells it no
    secrets."""
    return os.geteuid() == 0 or may_ask(uid)


def user_name(uid: int) -> str:
    """The name of a user, or the number of one without a name."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
