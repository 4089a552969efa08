"""Drivers of an instrument that is a file: it answers while the file is there."""

import asyncio
import time
from pathlib import Path

from sswd import System, every

PERIOD_S = 0.02


class Instrument(System):
    """`path` is the instrument."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def ask(self) -> str:
        if not self.path.exists():
            raise ConnectionError("the instrument is off")
        return self.path.read_text()


class Connects(Instrument):
    """Tells each call of its methods."""

    def connect(self) -> None:
        self.ask()
        self.io_put("message", "connected")

    def setup(self) -> None:
        self.io_put("message", "set up")

    def on_cmd(self, _text: str) -> None:
        self.ask()

    def close(self) -> None:
        self.io_put("message", "closed")


class SetsUpOnce(Connects):
    setup_once = True


class Asks(Instrument):
    """Has no connection that it could make anew."""

    ping_s = PERIOD_S

    def ping(self) -> None:
        self.ask()

    @every(PERIOD_S)
    def look(self) -> None:
        self.io_put("values", [1.0])


class Blocks(Connects):
    """Connects for ever, the second time; `how` it waits then."""

    def __init__(self, path: str, how: str) -> None:
        super().__init__(path)
        self.how = how
        self.calls = 0

    def connect(self) -> None:
        self.calls += 1
        if self.calls > 1:
            self.io_put("message", "in")
            self.sleep(3600) if self.how == "our sleep" else time.sleep(3600)


class BlocksInPing(Connects):
    ping_s = PERIOD_S

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.calls = 0

    def ping(self) -> None:
        self.calls += 1
        if self.calls > 1:
            self.io_put("message", "in")
            time.sleep(3600)


class BlocksAwaiting(Connects):
    calls = 0

    async def connect(self) -> None:
        self.calls += 1
        if self.calls > 1:
            self.io_put("message", "in")
            await asyncio.sleep(3600)


class Hangs(Instrument):
    """Reads while the file is there; else it waits for it."""

    def setup(self) -> None:
        self.io_put("NOTE", 1.0)

    @every(PERIOD_S)
    def read(self) -> None:
        while not self.path.exists():
            time.sleep(0.005)
        self.io_put("T", float(self.path.read_text()))

    @every(PERIOD_S, beside_commands=True)
    def other(self) -> None:
        self.io_put("OTHER", 1.0)


class Listens(Instrument):
    """Fails at an input that is below 0."""

    def on_input_beam(self, reading) -> None:
        if reading.value < 0:
            raise ValueError(f"beam {reading.value:g}")
        self.io_put("values", [reading.value])
