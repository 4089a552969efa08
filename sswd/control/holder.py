"""Which process holds the lock beside a control socket, where nobody else says it.

Another local user may have made both, and root looks into his directory, too. So a
process is named only where it and all that names it belong to the same user.
"""

import os
import stat
from pathlib import Path

_SAFELY = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def holder(path: Path, *, lock: str = "") -> int | None:
    """The process that holds the lock beside this socket, or the one named `lock`.

    None: nothing says so, or the owners of folder, socket, lock and process differ.
    """
    try:
        owners = {path.parent.lstat().st_uid, path.lstat().st_uid}
        fd = os.open(path.with_name(lock or f"{path.stem}.lock"), _SAFELY)
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                return None
            pid = int(file.read(20))
    except (OSError, ValueError):
        return None
    return pid if owners == {found.st_uid, owner_of(pid)} else None


def owner_of(pid: int) -> int | None:
    """The user id of a process; None: there is none."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None
