"""Keeps the guard process (sswd/guard.py) informed of the workers' process groups."""

import logging
import subprocess
import sys

from sswd import guard

log = logging.getLogger("sswd.ioc")


class Guardian:
    """Started with the first worker, ended by closing its pipe. The loop's own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def watch(self, group: int) -> None:
        """Have this process group killed when the IOC is gone."""
        self._groups.add(group)
        self._say(b"+%d\n" % group)

    def forget(self, group: int) -> None:
        """The group is gone."""
        self._groups.discard(group)
        self._say(b"-%d\n" % group)

    def close(self) -> None:
        """End the guard; groups that it still knows (unkillable ones) get a SIGKILL."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _say(self, line: bytes) -> None:
        process = self._process
        try:
            if process is None or process.poll() is not None:
                process = self._start()
                line = b"".join(b"+%d\n" % g for g in self._groups)
            assert process.stdin is not None
            process.stdin.write(line)
        except BrokenPipeError:
            log.warning("the guard process died; another is started with the next run")
        except OSError as ex:  # a worker's life and death must not depend on it
            log.warning(
                "no guard process can be started: %s; trying again at the next run",
                ex,
            )

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: no signal to our group or terminal may end it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
        return self._process
