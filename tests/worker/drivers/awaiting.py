"""The same system twice: with plain handlers, and with `async def` ones."""

import asyncio
import functools
import time
from typing import ClassVar

from sswd import System, every

PVS = {"X": {"type": "float", "writable": True}, "X_RBV": {"type": "float"}}


class Plain(System):
    pvs: ClassVar = PVS
    calls = 0

    def setup(self) -> None:
        self.io_put("message", "set up")

    def on_x(self, value: float) -> float:
        self.calls += 1
        if value < 0:
            raise ValueError(f"{value:g} is below 0")
        if value >= 1000:
            self.io_put("message", "in")
            time.sleep(3600)
        return value / 2

    def on_cmd(self, text: str) -> None:
        self.io_put("message", f"{text}: {self.calls} calls")

    @every(0.05)
    def look(self) -> None:
        self.io_put("values", [float(self.calls)])

    def close(self) -> None:
        self.io_put("message", "closed")


class Awaiting(System):
    pvs: ClassVar = PVS
    calls = 0

    async def setup(self) -> None:
        await asyncio.sleep(0)
        self.io_put("message", "set up")
        self.ticks = 0
        self.ticker = asyncio.create_task(self.tick())

    async def tick(self) -> None:
        while True:
            self.ticks += 1
            await asyncio.sleep(0.005)

    async def on_x(self, value: float) -> float:
        self.calls += 1
        await asyncio.sleep(0)
        if value < 0:
            raise ValueError(f"{value:g} is below 0")
        if value >= 1000:
            self.io_put("message", "in")
            try:
                await asyncio.sleep(3600)
            finally:
                self.io_put("message", "cleaned up")
        return value / 2

    async def on_cmd(self, text: str) -> None:
        await asyncio.sleep(0)
        if text == "ticks":
            text = f"ticks {self.ticks}"
        if text == "deaf":
            await self.deaf()
        if text == "blocks":
            self.io_put("message", "in")
            time.sleep(3600)
        self.io_put("message", f"{text}: {self.calls} calls")

    async def deaf(self) -> None:
        """Takes no cancel but the last."""
        self.io_put("message", "in")
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.io_put("message", "deaf")
                continue

    @every(0.05)
    async def look(self) -> None:
        await asyncio.sleep(0)
        self.io_put("values", [float(self.calls)])

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.io_put("message", "closed")


class Around(System):
    """Looks at every command before its handler gets it."""

    pvs: ClassVar = PVS

    async def io_execute(self, pv_name: str, value: object) -> None:
        await asyncio.sleep(0)
        await super().io_execute(pv_name, value)

    async def on_x(self, value: float) -> float:
        await asyncio.sleep(0)
        return value + 1


def plainly(function):
    """A decorator that hides that a method is `async def`."""

    @functools.wraps(function)
    def call(*args: object) -> object:
        return function(*args)

    return call


class Hides(System):
    """Its coroutines are not to be seen before they are called."""

    async def io_execute(self, pv_name: str, value: object) -> object:
        return self.forgotten(str(value))  # and no `await`

    async def forgotten(self, text: str) -> None:
        await asyncio.sleep(0)
        self.io_put("message", text)
        if text == "sleep":
            time.sleep(3600)

    @plainly
    async def abort(self) -> None:
        """Nothing can run it on its thread."""

    @every(0.02, beside_commands=True)
    @plainly
    async def read(self) -> None:
        self.io_put("values", [1.0])


class Registering(type):
    """As the metaclass of QCoDeS' instruments: finishes what was constructed."""

    def __call__(cls, *args: object, **kwargs: object) -> object:
        instance = super().__call__(*args, **kwargs)
        instance.is_finished = True
        return instance


class Registered(System, metaclass=Registering):
    is_finished = False

    def __init__(self, word: str) -> None:
        self.io_put("message", word)

    def on_cmd(self, _text: str) -> None:
        self.io_put("message", f"finished {self.is_finished}")


class Generates(System):
    def on_cmd(self, text: str):
        self.io_put("message", text)
        yield


class Other:
    def __new__(cls) -> "Generates":
        return Generates()

    def io_execute(self, pv_name: str, value: object) -> None:
        """Never called."""
