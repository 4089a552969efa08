"""Where sswd keeps its files, and how it opens them where others may write.

Lock files and post-mortems go where systemd or the environment says, else to the home
directory or to the shared temporary one. There another user may have made what we are
about to use: a directory of his own, a link to a file of ours. So owner and mode are
asked of the descriptor, links are not followed, and nothing is written before that.
"""

import contextlib
import errno
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

from sswd.errors import NotOursError

MODE = 0o600
_SAFELY = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def runtime_directory() -> Path:
    """$RUNTIME_DIRECTORY as systemd sets it, $XDG_RUNTIME_DIR/sswd, else in /tmp."""
    if given := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(given.split(":")[0])
    if base := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(base) / "sswd"
    return _in_temporary()


def runtime_directories() -> list[Path]:
    """Where a daemon may have put its files: with its environment, not with ours.

    $RUNTIME_DIRECTORY names the only one.
    """
    if os.environ.get("RUNTIME_DIRECTORY"):
        return [runtime_directory()]
    uid = os.geteuid()
    everywhere = [
        runtime_directory(),
        Path(f"/run/user/{uid}/sswd"),
        _in_temporary(),
        Path("/run/sswd"),
    ]
    if uid == 0:
        everywhere += [
            *Path("/run/user").glob("*/sswd"),
            *Path(tempfile.gettempdir()).glob("sswd-*"),
        ]
    return list(dict.fromkeys(everywhere))


def state_directory() -> Path:
    """$STATE_DIRECTORY as systemd sets it, $XDG_STATE_HOME/sswd, ~/.local/state/sswd;
    in /tmp for a user without a home directory, as containers have them."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if base := os.environ.get("XDG_STATE_HOME"):
        return Path(base) / "sswd"
    try:
        return Path.home() / ".local" / "state" / "sswd"
    except RuntimeError:  # no HOME, and no entry in the passwd file
        return _in_temporary() / "state"


def file_stem(prefix: str) -> str:
    """What files about the PVs of this prefix begin with: readable, and unique."""
    digest = hashlib.sha256(prefix.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9]+', '_', prefix)[:40]}-{digest}"


def current_directory() -> Path:
    """The working directory; / where it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")


def make_own(folder: Path) -> None:
    """Make a directory, mode 0700, unless it is there.

    Raises NotOursError when it lies in the shared temporary directory and another user
    can write it, or made it, or has put a link there; OSErrors as mkdir does.
    """
    base = _in_temporary()
    for each in (base, folder) if base in folder.parents else (folder,):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
        if each == base or base in each.parents:
            _check_directory(each)


def open_own(path: Path, flags: int, *, mode: int = MODE) -> int:
    """Open a file of ours, made with this mode if `flags` say so; a descriptor.

    A file that is there gets mode 0600 if that is wanted, else keeps its own.

    Raises NotOursError for a link, for what is no plain file, and for a file that
    belongs to another user or has a second name.
    """
    try:
        fd = os.open(path, flags | _SAFELY, mode)
    except OSError as ex:
        if ex.errno in (errno.ELOOP, errno.ENXIO):
            raise NotOursError(f"{path} is no plain file but a link or pipe") from ex
        raise
    try:
        _check_file(fd, path, mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _in_temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"sswd-{os.geteuid()}"


def _check_directory(folder: Path) -> None:
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _SAFELY)
    except NotADirectoryError as ex:  # Linux's answer to a link, with O_DIRECTORY
        raise NotOursError(f"{folder} is no directory but a link or file") from ex
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    _check_owner(found, folder)
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotOursError(f"{folder} can be written by other users")


def _check_file(fd: int, path: Path, mode: int) -> None:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise NotOursError(f"{path} is no plain file with one name")
    _check_owner(found, path)
    if mode == MODE and stat.S_IMODE(found.st_mode) != MODE:
        with contextlib.suppress(OSError):  # file systems without modes
            os.fchmod(fd, MODE)


def _check_owner(found: os.stat_result, path: Path) -> None:
    if found.st_uid != os.geteuid():
        raise NotOursError(f"{path} belongs to user id {found.st_uid}")
