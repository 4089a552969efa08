"""The first function of ours in a worker process, whichever way that was started."""

import contextlib
import importlib
import signal
from collections.abc import Callable, Iterator

import msgspec
from multiprocess.connection import Connection

from sswd.pipe.worker_spec import WorkerSpec


@contextlib.contextmanager
def interrupt_held_back() -> Iterator[None]:
    """Let a process that is started here get no SIGINT before `enter` ignores it.

    Ctrl-C on a terminal is for the IOC, but comes to all of its group: a Python that
    still begins would print a traceback. What comes to the caller meanwhile is kept.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def enter(entry: str, spec: bytes, *connections: Connection) -> None:
    """First function in the child: find the entry by name and run it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    decoded = msgspec.msgpack.decode(spec, type=WorkerSpec)
    with contextlib.suppress(OSError):  # told when there is a way to tell it
        # Before numpy is imported, which starts a thread for each CPU that it may use.
        decoded.surroundings.enter()
    module, _, name = entry.partition(":")
    main: Callable[..., None] = getattr(importlib.import_module(module), name)
    main(decoded, *connections)
