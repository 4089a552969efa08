"""Readbacks: methods that sswd calls between commands."""

import math
import time

from sswd import System, every


class Cryostat(System):
    def setup(self):
        self.begin_s = time.monotonic()
        self.setpoint_k = 300.0
        self.temperature_k = 300.0

    @every(0.2)
    def read_temperature(self):  # on the same thread as commands: no locks
        self.temperature_k += 0.3 * (self.setpoint_k - self.temperature_k)
        self.io_put("TEMPERATURE", self.temperature_k)

    @every(1.0)
    def read_level(self):
        age_s = time.monotonic() - self.begin_s
        self.io_put({"LEVEL": 80.0 * math.exp(-age_s / 3600.0), "AGE": int(age_s)})

    def on_setpoint(self, setpoint_k):
        self.setpoint_k = setpoint_k
        self.log.info("cooling to %g K", setpoint_k)

    def on_cmd(self, text):
        """`wait 5`: until the temperature is within 5 K of the setpoint."""
        word, tolerance_k = text.split()
        if word != "wait":
            raise ValueError(f"{text!r}: the only command is wait <K>")
        while abs(self.temperature_k - self.setpoint_k) > float(tolerance_k):
            self.sleep(0.1)  # ABORT ends this; readbacks wait while a command runs,
            self.read_temperature()  # so a long command reads for itself
