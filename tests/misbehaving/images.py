"""A camera: frames of 4 MiB, each filled with its own number."""

import time

import numpy as np

from sswd import System

SIZE = 4 << 20


class Camera(System):
    def on_CMD(self, text: str) -> None:
        """ "20 50": twenty frames at 50 Hz."""
        count, hz = map(float, text.split())
        frame = np.zeros(SIZE, np.uint8)
        begun_s = time.monotonic()
        for number in range(1, int(count) + 1):
            frame[:] = number
            self.io_put("IMAGE", frame)
            time.sleep(max(0.0, begun_s + number / hz - time.monotonic()))
