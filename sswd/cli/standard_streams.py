"""Standard input, output and error are there, whatever the daemon was started with.

With one of them closed, the next file that anybody opens becomes descriptor 0, 1 or 2:
the log would be written into a lock file, or a worker's words into a socket.
"""

import os
import sys


def open_standard_streams() -> None:
    """Have /dev/null where one of the three is closed. First thing in the process."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            os.set_inheritable(fd, True)
    for name, fd, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            stream = open(fd, mode, closefd=False)  # noqa: SIM115 (to the end)
            setattr(sys, name, stream)
