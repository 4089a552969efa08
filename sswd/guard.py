"""Kills the workers' process groups when the IOC is gone, however it went.

A process of its own, started with `python -I -S guard.py`. It reads lines "+PGID" and
"-PGID" from stdin, the read end of a pipe that only the IOC holds, and at its end kills
every group it knows. Signals do not end it: its only purpose is to live until the end.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Read group ids until the IOC is gone, then kill the groups that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
