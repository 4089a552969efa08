"""A system that posts all the time: scalars, arrays, images; and obeys quickly."""

import numpy as np

from sswd import System, every

FLOATS = 10_000
IMAGE_BYTES = 2_000_000


class Busy(System):
    def setup(self) -> None:
        self.number = 0

    @every(0.002)
    def tick(self) -> None:
        self.number += 1
        self.io_put("COUNT", self.number)
        if self.number % 10 == 0:
            self.io_put("values", np.full(FLOATS, float(self.number)))
        if self.number % 50 == 0:
            self.io_put("IMAGE", np.full(IMAGE_BYTES, self.number % 256, np.uint8))

    def on_CMD(self, text: str) -> None:
        self.io_put("message", text)
