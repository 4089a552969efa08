"""The demo's display: its PVs and its log, live, below the words that it begins with.

    python -m sswd.demo.display PREFIX NAME...

A process of its own, so that drawing costs the IOC nothing. Its standard input is what
the demo would write on the terminal: the introduction up to its last line, then the
log. It ends with its standard input. The values come through the control socket. Ctrl-C
is not for it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import IO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sswd.control.client import AskError, Connection, NoDaemonError, SilentError
from sswd.control.finding import find
from sswd.control.protocol import Get, Refused, Value

LAST_WORDS = "Ctrl-C ends everything."
"""The line that ends the introduction."""
PERIOD_S = 0.25
LOG_LINES = 6
LOG_KEPT = 200
ELEMENTS = 60
"""Of an array so many are drawn."""
_BARS = "▁▂▃▄▅▆▇█"
_STYLES = {"NO_ALARM": "green", "MINOR": "yellow", "MAJOR": "red"}
_INVALID = "magenta"
_END_S = 5.0


@contextlib.contextmanager
def shown(prefix: str, names: Sequence[str]) -> Iterator[None]:
    """While the block runs, what goes to standard output and error is shown there."""
    command = [sys.executable, "-m", "sswd.demo.display", prefix, *names]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        former = {fd: os.dup(fd) for fd in (1, 2)}
        for fd in former:
            os.dup2(process.stdin.fileno(), fd)
        process.stdin.close()
        try:
            yield
        finally:
            sys.stdout.flush()
            for fd, kept in former.items():
                os.dup2(kept, fd)
                os.close(kept)
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()


def is_wanted() -> bool:
    """Whether there is a terminal to draw on; rich knows of dumb ones."""
    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


class Log(threading.Thread):
    """Reads the log from a stream; its last lines can be asked for in any thread."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(name="log", daemon=True)
        self._stream = stream
        self.lines: deque[str] = deque(maxlen=LOG_KEPT)
        self.ended = threading.Event()

    def run(self) -> None:
        for line in self._stream:
            self.lines.append(line.rstrip("\n"))
        self.ended.set()

    def last(self, count: int) -> list[str]:
        """The last lines, the oldest first."""
        return list(self.lines)[-count:]


class Source:
    """The values of PVs, as far as the daemon answers."""

    def __init__(self, prefix: str, names: Sequence[str]) -> None:
        self._prefix = prefix
        self._request = Get(pvs=[prefix + name for name in names], elements=ELEMENTS)
        self._connection: Connection | None = None

    def values(self) -> list[Value]:
        """All of them, in order; none while there is no answer."""
        try:
            if self._connection is None:
                self._connection = find(self._prefix)
            answers = list(self._connection.ask(self._request))
        except (AskError, NoDaemonError, SilentError, Refused, OSError):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return []
        return [answer for answer in answers if isinstance(answer, Value)]


def main(argv: Sequence[str]) -> int:
    """Show it until standard input ends; 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prefix, *names = argv
    console = Console()
    for line in sys.stdin:
        console.out(line, end="", highlight=False)
        if line.startswith(LAST_WORDS):
            break
    source, log = Source(prefix, names), Log(sys.stdin)
    log.start()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not log.ended.wait(PERIOD_S):
            view = drawing(prefix, source.values(), log.last(LOG_LINES))
            live.update(view, refresh=True)
    for line in log.last(LOG_LINES):
        console.out(line, highlight=False)
    return 0


def drawing(prefix: str, values: Sequence[Value], log: Sequence[str]) -> Group:
    """Values in two columns, coloured by their severity, above the log."""
    table = Table.grid(padding=(0, 2), expand=True)
    for ratio in (1, 2, 1, 2):
        table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    half = (len(values) + 1) // 2
    for row in range(half):
        cells: list[Text] = []
        for value in values[row::half]:
            cells += _cells(value, prefix)
        table.add_row(*cells)
    rule = Text("─" * 60, style="dim")
    lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in log]
    return Group(rule, table, rule, *lines)


def _cells(value: Value, prefix: str) -> list[Text]:
    style = _STYLES.get(value.severity, _INVALID)
    text = told(value)
    if value.severity != "NO_ALARM":
        text += f"  {value.severity} {value.status} {value.message}"
    return [Text(value.pv.removeprefix(prefix), style="bold"), Text(text, style=style)]


def told(value: Value) -> str:
    """A value on one line: a number with its units, an array as bars."""
    if isinstance(value.value, list):
        return f"{bars(value.value)} {value.count}" if value.value else "-"
    if isinstance(value.value, float):
        return f"{value.value:.6g} {value.units}".rstrip()
    text = " ".join(f"{value.value}".split())
    return f"{text or '-'} {value.units}".rstrip()


def bars(values: Sequence[object]) -> str:
    """Numbers as bars between their least and largest; others as a gap."""
    numbers = [v for v in values if isinstance(v, int | float)]
    if not numbers:
        return ""
    low, span = min(numbers), (max(numbers) - min(numbers)) or 1.0
    top = len(_BARS) - 1
    return "".join(
        _BARS[round((v - low) / span * top)] if isinstance(v, int | float) else " "
        for v in values
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
