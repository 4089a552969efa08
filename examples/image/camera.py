"""Images: a bytes PV, posted as a numpy array."""

import numpy as np

from sswd import System


class Camera(System):
    def __init__(self, width=320, height=240):
        self.width, self.height = width, height
        self.exposure_s = 0.01
        self.frames = 0

    def setup(self):
        self.io_put({"WIDTH": self.width, "HEIGHT": self.height})

    def on_exposure(self, exposure_s):
        self.exposure_s = exposure_s

    def on_cmd(self, text):
        """`expose 10`: that many frames."""
        word, count = text.split()
        if word != "expose":
            raise ValueError(f"{text!r}: the only command is expose <frames>")
        for i in range(int(count)):
            self.sleep(self.exposure_s)
            self.frames += 1
            # The image is posted before its number: who sees FRAME has its IMAGE.
            self.io_put("IMAGE", self.image())
            self.io_put("FRAME", self.frames)
            self.progress((i + 1) / int(count))

    def image(self):
        """A spot that wanders: uint8, (height, width); sswd sends it row by row."""
        y, x = np.ogrid[: self.height, : self.width]
        centre_x = self.width * (0.5 + 0.3 * np.sin(self.frames / 5.0))
        spot = np.exp(-((x - centre_x) ** 2 + (y - self.height / 2) ** 2) / 800.0)
        return (255 * spot).astype(np.uint8)
