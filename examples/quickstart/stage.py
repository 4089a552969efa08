import time

from sswd import System


class Stage(System):
    def __init__(self, step_mm=0.5):
        self.step_mm = step_mm  # stage.toml may say otherwise
        self.position_mm = 0.0

    def on_cmd(self, text):  # a put to LAB:CMD runs this; it may block
        positions = []
        for target_mm in [float(word) for word in text.split()]:
            self.move(target_mm)
            positions.append(self.position_mm)
            self.io_put("values", positions)

    def on_target(self, target_mm):  # a put to LAB:TARGET runs this
        self.move(target_mm)

    def move(self, target_mm):
        while self.position_mm != target_mm:
            time.sleep(0.05)  # a real driver waits for its hardware here
            left_mm = target_mm - self.position_mm
            self.position_mm += max(-self.step_mm, min(self.step_mm, left_mm))
            self.io_put("POSITION", self.position_mm)
