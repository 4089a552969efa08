"""`sswd demo --sequence`: two simulated systems that a master steps."""

import math
from typing import ClassVar

from sswd import SequenceSystem

TICK_S = 0.01


class Stage(SequenceSystem):
    """A motion stage that needs its time."""

    pvs: ClassVar = {"VAL": {"units": "mm"}, "POSITION": {"type": "float"}}

    def __init__(self, velocity_mm_s: float = 2.0) -> None:
        self.velocity_mm_s = velocity_mm_s
        self.position = 0.0

    def move(self, value: float) -> float:
        """Go there at constant velocity; an abort stops it where it is."""
        step = self.velocity_mm_s * TICK_S
        while abs(value - self.position) > step:
            self.position += math.copysign(step, value - self.position)
            self.io_put("POSITION", self.position)
            self.sleep(TICK_S)
        self.position = value
        self.io_put("POSITION", self.position)
        return self.position


class Laser(SequenceSystem):
    """A delay generator: set at once, settled 5 ms later."""

    pvs: ClassVar = {"VAL": {"units": "ns"}}

    def move(self, value: float) -> float:
        """Set it and wait until it has settled."""
        self.sleep(0.005)
        return round(value, 3)
