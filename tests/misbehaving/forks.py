"""A driver that forks as people's code does, and keeps a journal of who ran what."""

import logging
import multiprocessing
import os
import time
from pathlib import Path

from sswd import System

log = logging.getLogger("forks")


def square(number: int) -> int:
    """In a Pool's worker: it logs, as everyday code does."""
    log.warning("squaring %d", number)
    return number * number


class Forks(System):
    """The first word of `CMD` says what a child does; the parent works for 0.5 s."""

    def __init__(self, journal: str) -> None:
        self.journal = Path(journal)

    def on_CMD(self, text: str) -> None:
        self.note(text)
        what = text.split(maxsplit=1)[0]
        if what == "pool":
            self.pool()
        elif what in ("returns", "raises", "posts", "logs"):
            if os.fork() == 0:
                self.child(what)
                return
            time.sleep(0.5)
            self.note("parent is done")

    def child(self, what: str) -> None:
        """Whatever it does, the end of on_CMD is the end of it."""
        if what == "raises":
            raise RuntimeError("in the child")
        if what == "posts":
            self.io_put("message", "posted by the child")
        if what == "logs":
            log.warning("logged by the child")

    def pool(self) -> None:
        context = multiprocessing.get_context("fork")
        with context.Pool(2) as pool:
            squares = pool.map(square, range(50))
        self.io_put("message", f"sum {sum(squares)}")

    def note(self, text: str) -> None:
        with self.journal.open("a") as file:
            file.write(f"{os.getpid()} {text}\n")
