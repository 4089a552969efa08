"""The first function of ours in a worker process, whichever way that was started."""

import contextlib
import importlib
from collections.abc import Callable

import msgspec
from multiprocess.connection import Connection

from sswd.pipe.worker_spec import WorkerSpec


def enter(entry: str, spec: bytes, *connections: Connection) -> None:
    """First function in the child: find the entry by name and run it."""
    decoded = msgspec.msgpack.decode(spec, type=WorkerSpec)
    with contextlib.suppress(OSError):  # told when there is a way to tell it
        # Before numpy is imported, which starts a thread for each CPU that it may use.
        decoded.surroundings.enter()
    module, _, name = entry.partition(":")
    main: Callable[..., None] = getattr(importlib.import_module(module), name)
    main(decoded, *connections)
