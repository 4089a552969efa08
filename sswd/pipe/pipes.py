"""The pipes between the IOC and one worker, before and after the worker is there."""

import os

from multiprocess.connection import Connection, Pipe

STDIO = 3
"""Which of the pipes has the worker's stdout and stderr."""


class Pipes:
    """`ours` and `theirs` are cmd, ctl, up and stdio; `theirs` may have the memory."""

    def __init__(self, memory: int | None = None) -> None:
        """`memory` is a memfd, of which the worker gets a copy.

        Raises OSError when no descriptor is left, and leaves none open then.
        """
        self._opened: list[Connection] = []
        try:
            child_cmd, cmd = self._open()
            child_ctl, ctl = self._open()
            stdio, child_stdio = self._open()
            up, child_up = self._open(duplex=True)
            self.ours = [cmd, ctl, up, stdio]
            self.theirs = [child_cmd, child_ctl, child_up, child_stdio]
            if memory is not None:
                self.theirs.append(Connection(os.dup(memory), writable=False))
                self._opened.append(self.theirs[-1])
        except BaseException:
            self.close()
            raise

    def _open(self, *, duplex: bool = False) -> tuple[Connection, Connection]:
        one, other = Pipe(duplex=duplex)
        self._opened += [one, other]
        return one, other

    def hand_over(self) -> None:
        """The worker has its ends: close them here, else it would give no EOF, ever.

        Ours do not block from now on.
        """
        for connection in self.theirs:
            connection.close()
        for connection in self.ours:
            os.set_blocking(connection.fileno(), False)

    def close(self) -> None:
        """Close all that is open still."""
        for connection in self._opened:
            connection.close()
