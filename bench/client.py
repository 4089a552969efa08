"""The client: caload processes on the real libca, connected first, then let go."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.build import program
from bench.host import BenchError, Child

CONNECT_S = 25.0
MARGIN_S = 30.0
"""A client may take so much longer than it was told to measure."""

Seconds = npt.NDArray[np.float64]


class Result:
    """What a client found: facts by name, and series of single times in s."""

    def __init__(self, facts: dict[str, Any], series: dict[str, Seconds]) -> None:
        self.facts = facts
        self.series = series

    def fact(self, name: str) -> float:
        """One number."""
        return float(self.facts[name])


class Load:
    """One client process that is connected and waits to be let go."""

    def __init__(
        self,
        mode: str,
        env: Mapping[str, str],
        core: int | None,
        out: Path,
        options: Mapping[str, object],
    ) -> None:
        self._mode = mode
        self._out = out
        self._secs = float(str(options.get("secs", 5)))
        words = [f"{key}={value}" for key, value in options.items()]
        command = [str(program("caload")), mode, f"out={out}", *words]
        self._child = Child(command, env, core=core, log=_log_beside(out), talks=True)
        line = self._child.read_line(CONNECT_S)
        if line != "ready":
            self._child.stop()
            raise BenchError(f"caload {mode}: {line}")

    def go(self) -> "Load":
        """Let it measure."""
        self._child.write_line("go")
        return self

    def result(self) -> Result:
        """Wait for the end of the measurement. Raises BenchError."""
        line = self._child.read_line(self._secs + MARGIN_S)
        facts = json.loads(line)
        if "error" in facts:
            raise BenchError(f"caload {self._mode}: {facts['error']}")
        values = np.fromfile(self._out, dtype=np.float64)
        self._out.unlink()
        series, start = {}, 0
        for name, count in facts.pop("series"):
            series[name] = values[start : start + count]
            start += count
        return Result(facts, series)

    def stop(self) -> None:
        """End the process if it has not ended."""
        self._child.stop()


class Console:
    """A connected client that puts and gets on demand, as an operator would."""

    def __init__(self, env: Mapping[str, str], core: int | None, folder: Path) -> None:
        command = [str(program("caload")), "console"]
        log = _log_beside(folder / "console")
        self._child = Child(command, env, core=core, log=log, talks=True)
        self._child.read_line(CONNECT_S)

    def put(self, pv: str, text: str) -> None:
        """Put a text, without waiting for anything."""
        self._ask(f"put {pv} {text}")

    def get(self, pv: str) -> str:
        """The value of a PV as text."""
        return self._ask(f"get {pv}")

    def _ask(self, line: str) -> str:
        self._child.write_line(line)
        answer = self._child.read_line(CONNECT_S)
        if answer.startswith('{"error"'):
            raise BenchError(f"caload console: {answer}")
        return answer

    def stop(self) -> None:
        """Hang up."""
        self._child.stop()


def _log_beside(path: Path) -> Path:
    """libca warns at length; its words are kept for when something fails."""
    return path.with_name("clients.log")


@contextlib.contextmanager
def stopping(loads: list[Load]) -> Iterator[list[Load]]:
    """End all loads, whatever happens."""
    try:
        yield loads
    finally:
        for load in loads:
            load.stop()
