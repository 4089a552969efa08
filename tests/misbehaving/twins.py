"""The same system with plain and with `async def` handlers: see test_twins.py."""

import asyncio
from typing import ClassVar

from sswd import System

PVS = {"X": {"type": "float", "writable": True}, "X_RBV": {"type": "float"}}


class Plain(System):
    pvs: ClassVar = PVS

    def on_x(self, value: float) -> float:
        if value < 0:
            raise ValueError(f"{value:g} is below 0")
        return value / 2

    def on_cmd(self, text: str) -> None:
        if text == "long":
            self.sleep(60)  # an abort ends it by the flag, as it ends a coroutine
        if text == "restored":
            self.io_put("message", str(self.restored.get("X")))


class Awaiting(System):
    pvs: ClassVar = PVS

    async def on_x(self, value: float) -> float:
        await asyncio.sleep(0)
        if value < 0:
            raise ValueError(f"{value:g} is below 0")
        return value / 2

    async def on_cmd(self, text: str) -> None:
        if text == "long":
            await asyncio.sleep(60)
        if text == "restored":
            self.io_put("message", str(self.restored.get("X")))
