"""An instrument that tells only when connected what it has."""

import os
import pathlib

import numpy as np

from sswd import System

PVS = """
GAIN.type = "float"
GAIN.writable = true
GAIN.readback = true
GAIN.limits = [0.0, 10.0]
GAIN.units = "V"
RANGE = { type = "enum", strings = ["a", "b", "c"], writable = true }
"""


class Found(System):
    """Its axes are in the file that AXES names, one "name type" a line; cameras have
    the shape of their image behind."""

    def setup(self) -> None:
        for line in pathlib.Path(os.environ["AXES"]).read_text().splitlines():
            name, kind, *shape = line.split()
            if shape:
                self.declare({name: {"type": kind, "shape": [int(n) for n in shape]}})
                self.io_put(name, np.ones([int(n) for n in shape], kind))
                continue
            self.declare({name: {"type": kind, "writable": True, "readback": True}})
            self.io_put(f"{name}_RBV", 0)

    def io_execute(self, pv_name: str, value: object) -> object:
        if pv_name == "CMD":
            return super().io_execute(pv_name, value)
        return value

    def on_CMD(self, text: str) -> None:
        match text.split():
            case ["limits", pv, low, high]:
                self.set_limits(pv, float(low), float(high))
            case ["units", pv, units]:
                self.set_units(pv, units)
            case ["strings", pv, *strings]:
                self.set_strings(pv, strings)
            case ["declare", name]:
                self.declare({name: {"type": "int"}})
