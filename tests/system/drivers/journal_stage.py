"""A stage that writes down every move: when it begins, and when it is done."""

import os
from pathlib import Path

from sswd import SequenceSystem


class Stage(SequenceSystem):
    """Waits at the count `hold`, but only once, until somebody kills it."""

    def __init__(self, journal: str, hold: int = -1) -> None:
        self.journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        self.hold = hold
        self.held = Path(journal + ".held")
        self.count = -1

    def on_INDEX(self, count: int) -> None:
        self.count = count
        super().on_INDEX(count)

    def move(self, value: float) -> None:
        self.note("begin", value)
        if self.count == self.hold and not self.held.exists():
            self.held.touch()
            self.sleep(60.0)
        self.note("done", value)

    def note(self, word: str, value: float) -> None:
        """One write, so that a kill leaves whole lines only."""
        os.write(
            self.journal, f"{word} {self.count} {value:g} {os.getpid()}\n".encode()
        )
