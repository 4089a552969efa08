"""A driver that says what it knows of its instrument: alarms, times, limits, ages."""

import threading
import time

from sswd import Reading, Severity, System

PVS = """
[system.main.pvs]
T = { type = "float", hihi = 10.0, high = 8.0, low = 2.0, lolo = 0.0, hysteresis = 0.5 }
OLD = { type = "float", stale_s = 0.4 }
SP = { type = "float", limits = [0.0, 5.0], writable = true }
PLAIN = { type = "float" }
[system.main.pvs.MODE]
type = "enum"
writable = true
strings = ["off", "on", "fault"]
state_severity = { fault = "MAJOR" }
"""
SAMPLED_S = 1_700_000_000.25


class Alarms(System):
    def setup(self):
        self.feeding = threading.Event()
        self.thread = None

    def on_CMD(self, text):
        word, _, rest = text.partition(" ")
        getattr(self, "do_" + word)(rest)

    def do_post(self, rest):
        pv, value = rest.split()
        self.io_put(pv, value if pv == "MODE" else float(value))

    def do_hot(self, _rest):
        self.io_put("PLAIN", 7.0, severity="MAJOR", status="HIHI", message="too hot")

    def do_alarm(self, rest):
        self.alarm("PLAIN", *rest.split())

    def do_ok(self, _rest):
        self.ok("PLAIN")

    def do_in_and_out(self, _rest):
        """An alarm, and at once a value that is good again."""
        for i in range(20):
            self.alarm("PLAIN", "MINOR")
            self.io_put("PLAIN", float(i))

    def do_sampled(self, _rest):
        self.io_put("PLAIN", 3.0, timestamp=SAMPLED_S)

    def do_readings(self, _rest):
        self.io_put(
            {"PLAIN": Reading(5.0, Severity.MINOR, message="slow"), "T": 5.0, "OLD": 1}
        )

    def do_unknown(self, rest):
        self.io_put("PLAIN", 1.0, severity=rest)

    def do_flood(self, _rest):
        """The last one is in alarm, however many are conflated."""
        for i in range(5000):
            self.io_put("PLAIN", float(i))
        self.io_put("PLAIN", -1.0, severity="MINOR", message="the last")

    def do_feed(self, _rest):
        """A thread posts, as a camera's callback does, and ends silently."""

        def feed():
            for i in range(20):
                self.io_put("OLD", float(i))
                time.sleep(0.05)

        self.thread = threading.Thread(target=feed)
        self.thread.start()
        self.thread.join()

    def on_MODE(self, state):
        self.io_put("MODE", state)

    def on_SP(self, value):
        if value == 3.0:
            raise OSError("the instrument refuses 3")
        self.io_put("SP", value)
