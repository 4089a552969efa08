"""A system that tells what it runs in."""

import os
import threading
from pathlib import Path
from typing import ClassVar

from sswd import System


class Surrounded(System):
    pvs: ClassVar = {"WORD": {"type": "str"}, "PLACE": {"type": "text"}}

    def __init__(self, word: str) -> None:
        self.word = word

    def setup(self) -> None:
        self.io_put("WORD", self.word)
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        cpus = sorted(os.sched_getaffinity(0))
        threads = {t.native_id for t in threading.enumerate()}
        alike = all(os.sched_getaffinity(t) == set(cpus) for t in threads if t)
        text = f"{Path.cwd()} {nice} {cpus} {alike} {os.environ.get('COLOUR')}"
        self.io_put("PLACE", text)
