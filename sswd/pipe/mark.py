"""The mark in a worker's environment by which its processes are found at its end."""

import contextlib
import itertools
import os
import secrets
from collections.abc import Iterator, Mapping

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


def detached_env() -> dict[str, str]:
    """The environment for a program that shall outlive its worker.

    All that a driver starts is ended with its worker. What must stay, an instrument's
    own server for one, is started with this, and in a session of its own::

        subprocess.Popen(["vendord"], env=detached_env(), start_new_session=True)
    """
    return {name: value for name, value in os.environ.items() if name != VARIABLE}
