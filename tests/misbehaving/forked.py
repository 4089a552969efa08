"""A system that tells what its process is: a forked worker must be as a spawned one."""

import os
import random
import resource
import signal
import sys
import threading
import time
from typing import ClassVar

import multiprocess
import numpy as np

from sswd import System


class Facts(System):
    pvs: ClassVar = {
        "TOLD": {"type": "text", "length": 40_000},
        "RANDOM": {"type": "str"},
    }

    def setup(self) -> None:
        self.io_put("RANDOM", f"{np.random.random():.9f} {random.random():.9f}")
        self.io_put("TOLD", "\n".join(sorted(facts())))

    def io_execute(self, pv_name: str, value: object) -> None:
        self.io_put("ACK", "1")


def facts() -> list[str]:
    """One line each; nothing that differs from one worker to the next anyway."""
    numbers = set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}
    handlers = {n.name: handler_of(signal.getsignal(n)) for n in numbers}
    process = multiprocess.current_process()
    limits = {n: resource.getrlimit(getattr(resource, n)) for n in LIMITS}
    variables = {n: v for n, v in os.environ.items() if n != "SSWD_RUN"}
    return [
        f"cwd {os.getcwd()}",
        f"path {sys.path}",
        f"argv {sys.argv}",
        f"flags {sys.flags}",
        f"main {sys.modules['__main__'].__spec__}",
        f"umask {umask()}",
        f"handlers {sorted(handlers.items())}",
        f"blocked {signal.pthread_sigmask(signal.SIG_BLOCK, [])}",
        f"limits {limits}",
        f"threads {sorted(t.name for t in threading.enumerate())}",
        f"parent is the IOC's {multiprocess.parent_process().pid == os.getppid()}",
        f"group of its own {os.getpgrp() == os.getpid()}",
        f"children {process.name.partition(' ')[0]} {multiprocess.active_children()}",
        f"time zone {time.tzname}",
        *(f"variable {name}={value}" for name, value in variables.items()),
        *(f"descriptor {kind}" for kind in descriptors()),
    ]


LIMITS = ("RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_AS", "RLIMIT_STACK")


def handler_of(handler: object) -> str:
    return getattr(handler, "__qualname__", repr(handler))


def umask() -> int:
    before = os.umask(0o22)
    os.umask(before)
    return before


def descriptors() -> list[str]:
    """What the first three are: "0 /dev/null". A spawned one has some more."""
    return [f"{n} {os.readlink(f'/proc/self/fd/{n}').partition(':[')[0]}" for n in STD]


STD = (0, 1, 2)
