"""A microscope that is no more than numbers: every kind of PV that a screen shows."""

import time

import numpy as np

from sswd import System


class Axis:
    """A simulated stage, in mm."""

    velocity = 20.0
    limits = (-10.0, 10.0)

    def __init__(self, position: float) -> None:
        self.position = position
        self._stopped = False

    def move(self, position: float) -> None:
        self._stopped = False
        while not self._stopped and self.position != position:
            time.sleep(0.01)
            way = position - self.position
            self.position += max(-0.2, min(0.2, way))

    def stop(self) -> None:
        self._stopped = True


class Microscope(System):
    """Posts a picture and a spectrum once."""

    def __init__(self) -> None:
        self.x = Axis(1.25)
        self.y = Axis(-3.5)

    def setup(self) -> None:
        # Brightest in row 80, column 110: a picture that lies on its side is seen.
        rows, columns = np.mgrid[0:120, 0:160]
        image = np.zeros((120, 160))
        for row, column, size in ((40, 50, 8), (80, 110, 14), (30, 120, 5)):
            square = (rows - row) ** 2 + (columns - column) ** 2
            image += size * np.exp(-square / (2 * size**2))
        energy = np.linspace(0.0, 10.0, 500)
        lines = ((2.1, 1.0), (5.9, 2.5), (6.5, 0.6), (8.0, 1.4))
        spectrum = sum(h * np.exp(-(((energy - e) / 0.12) ** 2)) for e, h in lines)
        self.io_put(
            {
                "CAMERA": (image * 100).astype(np.uint16),
                "SPECTRUM": spectrum + 0.05,
                "TEMPERATURE": 21.374,
                "LASER_RBV": 12.5,
                "OBJECTIVE": "10x",
                "SERIAL": "MIC-0042",
                "message": "ready",
            }
        )

    def on_cmd(self, text: str) -> None:
        self.io_put("message", f"done: {text}")

    def on_laser(self, value: float) -> None:
        self.io_put("LASER_RBV", value)

    def on_objective(self, value: str) -> None:
        """It is there at once."""

    def on_note(self, value: str) -> None:
        """It is kept, no more."""

    def on_autofocus(self) -> None:
        self.io_put("message", "focused")
