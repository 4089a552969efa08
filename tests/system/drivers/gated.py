"""The target with what access rules are asked about besides: a PV of a group that the
file does not have, and a motor."""

from typing import ClassVar

from target import Target


class Axis:
    """Moves at once."""

    position = 0.0

    def move(self, position: float) -> None:
        self.position = position

    def stop(self) -> None:
        """It rests already."""


class Gated(Target):
    pvs: ClassVar = {"SPARE": {"type": "float", "writable": True, "asg": "NOWHERE"}}

    def __init__(self) -> None:
        self.axis = Axis()
