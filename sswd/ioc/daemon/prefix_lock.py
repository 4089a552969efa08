"""One daemon per prefix on a host: a lock in the runtime directory."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sswd.config.keys import Config
from sswd.directories import file_stem, make_own, open_own, runtime_directory
from sswd.errors import ConfigError, NotOursError, PrefixTakenError


@contextmanager
def prefix_lock(config: Config) -> Iterator[None]:
    """Hold the locks of all prefixes of `config`.

    Raises PrefixTakenError when another daemon of this host serves one of them,
    ConfigError when there is no directory to hold them in. The lock goes with the
    process, however it ends.
    """
    folder = runtime_directory()
    with ExitStack() as stack:
        try:
            make_own(folder)
            for name in config.system:
                _hold(stack, folder, config.prefix_of(name))
        except (OSError, NotOursError) as ex:
            raise ConfigError(
                f"no lock can be held in {folder}: {ex}; set RUNTIME_DIRECTORY to a "
                "directory that only this user can write"
            ) from ex
        yield


def _hold(stack: ExitStack, folder: Path, prefix: str) -> None:
    path = folder / f"{file_stem(prefix)}.lock"
    fd = open_own(path, os.O_RDWR | os.O_CREAT)
    stack.callback(os.close, fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 20, 0).decode(errors="replace").strip()
        raise PrefixTakenError(
            f"prefix {prefix!r} is served on this host already, by pid "
            f"{holder or 'unknown'}; stop that daemon or choose another prefix"
        ) from None
    with contextlib.suppress(OSError):  # a full disk; the lock is held all the same
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
