"""Whether the main thread can still take commands: what the pulse stands for.

Threading model: the main thread says where it is, the control thread asks.
"""

import os
import threading
import time
from pathlib import Path

LOOK_S = 4.0
"""An idle main thread looks for commands once a second; it may be so late."""


class MainThread:
    """Where the main thread is: at work in user code, waiting, or gone for good."""

    def __init__(self) -> None:
        self._waits_since_s: float | None = None
        self._has_left = False

    def works(self) -> None:
        """It imports, constructs, or runs something of the system's, for any time."""
        self._waits_since_s = None

    def waits(self) -> None:
        """It is about to wait for a command, for a second at most."""
        self._waits_since_s = time.monotonic()

    def leaves(self) -> None:
        """It will never take a command again."""
        self._has_left = True

    def is_there(self) -> bool:
        """Whether it can take a command, now or when what it runs has ended."""
        if self._has_left or not threading.main_thread().is_alive() or _has_exited():
            return False
        since_s = self._waits_since_s
        return since_s is None or time.monotonic() - since_s < LOOK_S


def _has_exited() -> bool:
    """Whether C code ended it (pthread_exit), of which Python knows nothing."""
    try:
        stat = Path(f"/proc/self/task/{os.getpid()}/stat").read_bytes()
    except OSError:  # no /proc
        return False
    return stat.rpartition(b")")[2].split()[0] == b"Z"
