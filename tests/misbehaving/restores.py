"""A system whose setpoints come back: its journal has what it was asked to do."""

import os
import time
from pathlib import Path
from typing import Any, ClassVar

from sswd import System


class Axis:
    """Stands where it is."""

    position = 0.0

    def move(self, position: float) -> None:
        self.position = position


class Restored(System):
    """Posts ASKED in setup if it is given an `answer`."""

    pvs: ClassVar = {
        "SPEED": {"type": "float", "writable": True, "restore": True},
        "MODE": {
            "type": "enum",
            "strings": ["off", "slow", "fast"],
            "writable": True,
            "restore": True,
        },
        "TABLE": {"type": "float", "length": 5, "writable": True, "restore": True},
        "NOTE": {"type": "str", "writable": True, "restore": "show"},
        "ASKED": {"type": "int", "writable": True, "restore": "ask"},
        "COUNT": {"type": "int", "restore": "show"},
        "LOOSE": {"type": "float", "writable": True},
    }

    def __init__(self, journal: str, answer: int | None = None) -> None:
        self.journal = Path(journal)
        self.answer = answer
        self.axis = Axis()

    def setup(self) -> None:
        self.note("setup")
        if self.answer is not None:
            self.io_put("ASKED", self.answer)

    def io_execute(self, pv_name: str, value: Any) -> None:
        text = value.tolist() if hasattr(value, "tolist") else value
        self.note(f"{pv_name} {text!r}")
        if pv_name == "SPEED" and value == 13.0:
            raise ValueError("13 is unlucky")
        if pv_name == "SPEED" and value == 66.0:
            time.sleep(0.05)  # the put is accepted, and what it left is on disk
            os._exit(66)
        if pv_name == "CMD":
            self.io_put("COUNT", int(value))

    def close(self) -> None:
        self.io_put("COUNT", 99)

    def note(self, line: str) -> None:
        with self.journal.open("a") as file:
            file.write(f"{line}\n")


class Away(Restored):
    """Its instrument is there while a file says so."""

    def connect(self) -> None:
        if not self.journal.with_name("on").exists():
            raise ConnectionRefusedError("switched off")
