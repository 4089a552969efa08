"""A Julabo bath as a user would drive it: pyvisa, blocking. Runs in the worker."""

import pyvisa

from sswd import System, every


class Julabo(System):
    def __init__(self, address):
        self.address = address

    def setup(self):
        self.bath = pyvisa.ResourceManager("@py").open_resource(
            self.address, read_termination="\r\n", write_termination="\r", timeout=2000
        )
        self.io_put("VERSION", self.bath.query("VERSION"))

    def close(self):
        self.bath.query("OUT_MODE_05 0")
        self.bath.close()

    @every(0.1)
    def read_temperature(self):
        temperature_c = float(self.bath.query("IN_PV_00"))
        self.io_put("TEMPERATURE", temperature_c)
        return temperature_c

    def on_setpoint(self, setpoint_c):
        self.bath.query(f"OUT_SP_00 {setpoint_c:.2f}")
        self.io_put("SETPOINT_RBV", float(self.bath.query("IN_SP_00")))

    def on_circulate(self, on):
        self.bath.query(f"OUT_MODE_05 {int(on)}")

    def on_cmd(self, text):
        """`settle 0.5`: wait until the bath is so near to its setpoint, in C."""
        word, tolerance_c = text.split()
        if word != "settle":
            raise ValueError(f"{text!r}: the only command is settle <C>")
        trace_c = []
        setpoint_c = float(self.bath.query("IN_SP_00"))
        while not trace_c or abs(trace_c[-1] - setpoint_c) > float(tolerance_c):
            self.sleep(0.05)
            trace_c.append(self.read_temperature())
            self.io_put("values", trace_c)
