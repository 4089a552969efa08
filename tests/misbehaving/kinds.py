"""An instrument with PVs of every type, whose handlers keep what they got."""

from typing import Any

import numpy as np

from sswd import System

PVS = """
GO = { type = "action" }
GRAB = { type = "action" }
GAIN = { type = "float32", writable = true, precision = 2 }
COUNT = { type = "int64", writable = true }
LEVEL = { type = "int16", writable = true }
RAW = { type = "uint16", writable = true, limits = [0, 65000] }
SIGNED = { type = "int8", writable = true }
BYTE = { type = "uint8", writable = true }
SPEED = { type = "float", writable = true, readback = true, limits = [0.0, 10.0] }
MODE = { type = "enum", strings = ["off", "on"], writable = true, readback = true }
FRAME = { type = "uint16", shape = [3, 4] }
WAVE = { type = "int8", length = 4, writable = true }
TABLE = { type = "int64", length = 4, writable = true }
OLD = { type = "int", writable = true, aliases = ["OTHER:NAME"] }
"""


class Instrument(System):
    """Posts to `message` what each handler got."""

    def tell(self, name: str, value: Any) -> None:
        kind = getattr(value, "dtype", type(value).__name__)
        shown = value.tolist() if isinstance(value, np.ndarray) else value
        self.io_put("message", f"{name} {kind} {shown}")

    def on_GO(self) -> None:
        self.io_put("message", "GO")

    def on_GRAB(self, value: bool) -> None:
        frame = np.full((2, 5), 40000, np.uint16)
        self.io_put("FRAME", frame)
        self.tell("GRAB", value)

    def on_SPEED(self, value: float) -> float:
        return round(value)

    def on_MODE(self, value: str) -> None:
        self.io_put("MODE_RBV", "off")
        self.tell("MODE", value)

    def io_execute(self, pv_name: str, value: Any) -> Any:
        if hasattr(self, f"on_{pv_name}"):
            return super().io_execute(pv_name, value)
        self.io_put(pv_name, value)
        self.tell(pv_name, value)
        return None
