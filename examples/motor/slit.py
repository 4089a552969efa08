"""Two blades of a slit, and the gap and centre that they make: four EPICS motors."""

import time

from sswd import System


class Blade:
    """A simulated stage. `move` returns when it is there, or when it is stopped."""

    velocity = 5.0  # mm/s

    def __init__(self, low: float, high: float) -> None:
        self.limits = (low, high)
        self.position = 0.0
        self.moving = False
        self._stopped = False

    def move(self, position: float) -> None:
        """Go there. sswd reads `position` meanwhile."""
        self._stopped, self.moving = False, True
        step = self.velocity * 0.02
        try:
            while not self._stopped and self.position != position:
                time.sleep(0.02)
                way = position - self.position
                self.position += max(-step, min(step, way))
        finally:
            self.moving = False

    def stop(self) -> None:
        """Have `move` return soon. Called from another thread."""
        self._stopped = True

    def home(self) -> None:
        """Go to the switch at 0."""
        self.move(0.0)

    def set_position(self, position: float) -> None:
        """Call the place where it stands `position`."""
        self.position = position


class Pseudo:
    """A motor made of two: what the blades have in common."""

    def __init__(self, blades: tuple[Blade, Blade], kind: str) -> None:
        self._blades = blades
        self._kind = kind

    @property
    def position(self) -> float:
        """The gap, or the centre."""
        left, right = (blade.position for blade in self._blades)
        return right - left if self._kind == "gap" else (left + right) / 2

    def move(self, position: float) -> None:
        """Move one blade, then the other."""
        left, right = self._blades
        gap, centre = right.position - left.position, self._centre()
        if self._kind == "gap":
            gap = position
        else:
            centre = position
        self._stopped = False
        left.move(centre - gap / 2)
        if not self._stopped:
            right.move(centre + gap / 2)

    def stop(self) -> None:
        """Stop both."""
        self._stopped = True
        for blade in self._blades:
            blade.stop()

    def _centre(self) -> float:
        return sum(blade.position for blade in self._blades) / 2


class Slit(System):
    """What the worker constructs; the motors are its attributes."""

    def __init__(self) -> None:
        self.left = Blade(-20.0, 20.0)
        self.right = Blade(-20.0, 20.0)
        self.gap = Pseudo((self.left, self.right), "gap")
        self.centre = Pseudo((self.left, self.right), "centre")
