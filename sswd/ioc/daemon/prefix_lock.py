"""One daemon per prefix on a host: a lock in the runtime directory."""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sswd.config.keys import Config
from sswd.errors import PortTakenError


def runtime_directory() -> Path:
    """$RUNTIME_DIRECTORY as systemd sets it, $XDG_RUNTIME_DIR/sswd, else in /tmp."""
    if given := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(given.split(":")[0])
    if base := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(base) / "sswd"
    return Path(tempfile.gettempdir()) / f"sswd-{os.getuid()}"


@contextmanager
def prefix_lock(config: Config) -> Iterator[None]:
    """Hold the locks of all prefixes of `config`.

    Raises PortTakenError when another daemon of this host serves one of them. The lock
    goes with the process, however it ends.
    """
    folder = runtime_directory()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        for name in config.system:
            _hold(stack, folder, config.prefix_of(name))
        yield


def _hold(stack: ExitStack, folder: Path, prefix: str) -> None:
    digest = hashlib.sha256(prefix.encode()).hexdigest()[:8]
    readable = re.sub(r"\W+", "_", prefix)[:40]
    path = folder / f"{readable}-{digest}.lock"
    file = stack.enter_context(path.open("a+"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "another process"
        raise PortTakenError(
            f"prefix {prefix!r} is served on this host already, by pid {holder}; stop "
            "that daemon or choose another prefix"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
