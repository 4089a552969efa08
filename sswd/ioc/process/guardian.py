"""Keeps the guard process (sswd/guard.py) informed of runs and their process groups."""

import logging
import subprocess
import sys

from sswd import guard

log = logging.getLogger("sswd.ioc")

END_S = 2.0
"""How long the guard may take to end what is left of the last runs."""


class Guardian:
    """Started with the first worker, ended by closing its pipe. The loop's own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._marks: dict[int, str] = {}

    @property
    def pids(self) -> set[int]:
        """The processes that are ours to wait for: workers, and the guard."""
        process = self._process
        return {*self._marks, *(() if process is None else (process.pid,))}

    def watch(self, group: int, mark: str) -> None:
        """Have this process group, and who carries the mark, killed when the IOC is
        gone."""
        self._marks[group] = mark
        self._say(_line("+", group, mark))

    def forget(self, group: int, mark: str) -> None:
        """This run is over: have those killed that carry its mark still."""
        self._marks.pop(group, None)
        self._say(_line("-", group, mark))

    def close(self) -> None:
        """End the guard. It ends what is left of all runs (unkillable workers, too)."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            process.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _say(self, line: bytes) -> None:
        process = self._process
        try:
            if process is None or process.poll() is not None:
                process = self._start()
                watched = (_line("+", *each) for each in self._marks.items())
                line = b"".join(watched) + (line if line[:1] == b"-" else b"")
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


def _line(word: str, group: int, mark: str) -> bytes:
    return f"{word}{group} {mark}\n".encode("utf-8", "surrogateescape")
